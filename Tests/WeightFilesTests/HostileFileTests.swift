import Testing
import WeightFiles

/// Files made to take memory, time or the stack.
@Suite struct HostileFileTests {
  private func pickled(_ pickle: [UInt8], _ extra: [ZipBuilder.Entry] = []) -> [UInt8] {
    ZipBuilder.archive([ZipBuilder.Entry(name: "a/data.pkl", bytes: pickle)] + extra)
  }

  private func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + text.utf8 }

  private func global(_ module: String, _ name: String) -> [UInt8] {
    Array("c\(module)\n\(name)\n".utf8)
  }

  private func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + ZipBuilder.little(value, 8) }

  private func tuple(_ parts: [UInt8]...) -> [UInt8] { Array("(".utf8) + parts.joined() + "t".utf8 }

  /// A dictionary with one tensor `w` over the storage `0` of `count` FP32 numbers.
  private func tensor(
    shape: [Int], strides: [Int], offset: Int = 0, count: Int, key: String = "w"
  ) -> [UInt8] {
    let storage =
      tuple(
        text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), integer(count))
      + "Q".utf8
    let arguments = tuple(
      storage, integer(offset), tuple(shape.flatMap(integer)), tuple(strides.flatMap(integer)))
    return text(key) + global("torch._utils", "_rebuild_tensor_v2") + arguments + "R".utf8
  }

  private func file(_ tensors: [UInt8]..., storage: Int = 4) -> [UInt8] {
    pickled(
      Array("}(".utf8) + tensors.joined() + "u.".utf8,
      [ZipBuilder.Entry(name: "a/data/0", bytes: [UInt8](repeating: 0, count: 4 * storage))])
  }

  @Test func `a tensor stays within its storage and within the allowance`() throws {
    #expect(refusal(file(tensor(shape: [2, 2], strides: [2, 1], count: 4))) == nil)
    #expect(refusal(file(tensor(shape: [2, 2], strides: [0, 0], count: 4))) == nil)
    // Where there is one index the stride says nothing.
    #expect(refusal(file(tensor(shape: [1, 2], strides: [.max, 2], count: 4))) == nil)
    let cases: [([UInt8], String)] = [
      (file(tensor(shape: [2, 2], strides: [3, 1], count: 4)), "reaches element 4"),
      (file(tensor(shape: [1], strides: [1], offset: 4, count: 4)), "reaches element 4"),
      (file(tensor(shape: [2, 2], strides: [.max, .max], count: 4)), "strides"),
      (file(tensor(shape: [.max, 2], strides: [0, 0], count: 4)), "limit"),
      (file(tensor(shape: [0, .max, 2], strides: [0, 0, 0], count: 4)), "limit"),
      (file(tensor(shape: [1 << 30], strides: [0], count: 4)), "limit"),
      (file(tensor(shape: [-1], strides: [1], count: 4)), "whole numbers"),
      (file(tensor(shape: [4], strides: [1], count: 5)), "has 16 bytes"),
      (file(tensor(shape: [4], strides: [1], count: .max)), "has 16 bytes"),
      (file(tensor(shape: [4], strides: [1, 1], count: 4)), "extents and 2 strides"),
      (
        file(
          tensor(shape: [4], strides: [1], count: 4), tensor(shape: [4], strides: [1], count: 4)),
        "is there twice"
      ),
    ]
    for (bytes, sentence) in cases {
      let found = refusal(bytes)
      #expect(found?.contains(sentence) == true, "\(sentence): \(found ?? "read")")
    }
  }

  @Test func `pickles that nest, refer to themselves or multiply are refused`() {
    let million = 1 << 20
    let cases: [([UInt8], String)] = [
      // A million lists within lists; nothing goes down into them.
      (
        [UInt8](repeating: 0x5D, count: million - 2)
          + [UInt8](repeating: UInt8(ascii: "a"), count: million - 3) + Array(".".utf8),
        "something else than a network"
      ),
      // A list in itself.
      (Array("]q\u{0}h\u{0}a.".utf8), "something else than a network"),
      ([UInt8](repeating: UInt8(ascii: "N"), count: million + 1), "limit"),
      ([UInt8](repeating: UInt8(ascii: "("), count: million + 1), "limit"),
      (Array("0.".utf8), "an empty stack"),
      (Array("(a.".utf8), "an empty stack"),
      (Array("Nt.".utf8), "no mark"),
      (Array("h\u{0}.".utf8), "never remembered"),
      (Array("NNs.".utf8), "an empty stack"),
      (Array("}(Nu.".utf8), "a key without a value"),
      (Array("NNa.".utf8), "no list"),
      (Array("X".utf8) + [0xFF, 0xFF, 0xFF, 0xFF], "needs 4294967295 bytes"),
      ([0x8D] + [UInt8](repeating: 0xFF, count: 8), "a length out of range"),
      ([0x8B, 0xFF, 0xFF, 0xFF, 0xFF], "a length out of range"),
      (Array("\u{1}.".utf8), "unknown instruction 1"),
      ([0x80, 9], "protocol 9"),
      (global("os", "system") + text("x") + [0x85] + Array("R.".utf8), "runs a program"),
      (global("builtins", "eval") + text("x") + [0x85, 0x81] + Array(".".utf8), "runs a program"),
      (Array("(S'x'\nios\nsystem\n.".utf8), "runs a program"),
    ]
    for (pickle, sentence) in cases {
      let found = refusal(pickled(pickle))
      #expect(found?.contains(sentence) == true, "\(sentence): \(found ?? "read")")
    }
  }

  @Test func `modules that hold themselves are refused`() {
    // An object whose state has itself, twice, under _modules.
    let own = global("a", "Module") + Array(")".utf8) + [0x81] + Array("q\u{0}".utf8)
    let state =
      Array("}(".utf8) + text("_modules") + Array("}(".utf8) + text("a") + Array("h\u{0}".utf8)
      + text("b") + Array("h\u{0}uub.".utf8)
    #expect(refusal(pickled(own + state))?.contains("levels") == true)
  }

  @Test func `copies of copies are refused`() {
    // A list of a thousand, copied again and again by list().
    let list =
      Array("](".utf8) + [UInt8](repeating: UInt8(ascii: "N"), count: 1000)
      + Array("eq\u{0}".utf8)
    let copy = global("builtins", "list") + Array("h\u{0}".utf8) + [0x85] + Array("R".utf8)
    let bytes = list + (0..<2000).flatMap { _ in copy } + Array(".".utf8)
    #expect(refusal(pickled(bytes))?.contains("copies more elements") == true)
  }

  @Test func `archives that lie are refused`() throws {
    let good = ZipBuilder.archive([
      ZipBuilder.Entry(name: "a.npy", bytes: [1, 2, 3]),
      ZipBuilder.Entry(name: "b.npy", bytes: [4, 5, 6]),
    ])
    let second = try #require(
      good.indices.first { $0 > 4 && good[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
    let third = try #require(
      good.indices.first { $0 > second && good[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
    func changed(_ place: Int, _ bytes: [UInt8]) -> [UInt8] {
      var result = good
      result.replaceSubrange(place..<place + bytes.count, with: bytes)
      return result
    }
    let cases: [([UInt8], String)] = [
      (
        ZipBuilder.archive([
          ZipBuilder.Entry(name: "a", bytes: []), ZipBuilder.Entry(name: "a", bytes: []),
        ]), "there twice"
      ),
      // The second entry where the first one is.
      (changed(third + 42, [0, 0, 0, 0]), "another name"),
      (changed(second + 20, [0xFF, 0xFF, 0, 0]), "is stored in"),
      (changed(second + 20, [0xF0, 0, 0, 0, 0xF0, 0, 0, 0]), "needs 240 bytes"),
      (changed(second + 20, [30, 0, 0, 0, 30, 0, 0, 0]), "overlap"),
      (changed(second + 24, [0xFF, 0xFF, 0xFF, 0x7F]), "limit"),
      (changed(second + 8, [1, 0]), "encrypted"),
      (changed(second + 10, [12, 0]), "method 12"),
      (changed(good.count - 12, [3, 0]), "lists 2 entries"),
    ]
    for (bytes, sentence) in cases {
      let found = refusal(bytes)
      #expect(found?.contains(sentence) == true, "\(sentence): \(found ?? "read")")
    }
  }

  @Test func `messages within messages and tables in a circle end`() throws {
    // A graph of nodes without anything: two bytes each.
    let nodes = [UInt8](repeating: 0, count: 2 << 20).enumerated().map { index, _ in
      index % 2 == 0 ? UInt8(0x0A) : 0
    }
    func varint(_ value: Int) -> [UInt8] {
      var (rest, result) = (value, [UInt8]())
      while rest >= 0x80 {
        result.append(UInt8(rest & 0x7F) | 0x80)
        rest >>= 7
      }
      return result + [UInt8(rest)]
    }
    let model: [UInt8] = [8, 8, 0x3A] + varint(nodes.count) + nodes
    #expect(refusal(model)?.contains("limit") == true)
    // A FlatBuffer whose root table is its own vector of buffers.
    #expect(refusal([16, 0, 0, 0] + Array("TFL3".utf8) + [UInt8](repeating: 4, count: 64)) != nil)
  }
}
