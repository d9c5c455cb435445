import Foundation
import Tensors
import Testing
import WeightFiles

/// Random damage of a fixed seed: a file is read or refused in one sentence, and nothing else happens.
@Suite struct MutationTests {
  static let texts = [
    "9", "-", "[", "{", "]", "}", "(", "\"", "e9", "../", "18446744073709551616", "\u{0}\u{0}",
  ]

  static func mutated(_ bytes: [UInt8], _ random: inout Philox) -> [UInt8] {
    var result = bytes
    for _ in 0..<1 + random.integer(below: 3) where !result.isEmpty {
      let place = random.integer(below: result.count)
      switch random.integer(below: 7) {
      case 0: result[place] ^= 1 << UInt8(random.integer(below: 8))
      case 1: result[place] = UInt8(random.integer(below: 256))
      case 2:
        let end = min(place + 1 + random.integer(below: 40), result.count)
        result.removeSubrange(place..<end)
      case 3:
        let end = min(place + 1 + random.integer(below: 40), result.count)
        result.insert(contentsOf: result[place..<end], at: random.integer(below: result.count))
      case 4:
        // A number of 32 or 64 bits at one of its ends.
        let pattern: [UInt8] = random.integer(below: 2) == 0 ? [0xFF, 0xFF, 0xFF, 0x7F] : [0xFF]
        let count = [1, 2, 4, 8][random.integer(below: 4)]
        for index in 0..<count where place + index < result.count {
          result[place + index] = pattern[index % pattern.count]
        }
      case 5: result.removeSubrange(place...)
      default:
        result.insert(contentsOf: texts[random.integer(below: texts.count)].utf8, at: place)
      }
    }
    return result
  }

  /// The most memory that this process ever had, in bytes.
  private func peakMemory() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return 1024 * (try #require(Int(line.split(separator: " ")[1])))
  }

  private func check(_ name: String, count: Int, seed: UInt64) throws {
    let whole = try Fixture.bytes(name)
    try check(count: count, seed: seed, whole) { $0 }
  }

  /// - Parameter file: makes a file of what was mutated.
  private func check(
    count: Int, seed: UInt64, _ whole: [UInt8], file: ([UInt8]) -> [UInt8]
  ) throws {
    var random = Philox(seed: seed)
    var refused = 0
    for _ in 0..<count {
      let bytes = file(Self.mutated(whole, &random))
      if let sentence = refusal(bytes) {
        #expect(sentence.hasPrefix("FILE ") && !sentence.contains("\n"))
        refused += 1
      }
    }
    #expect(refused > count / 20)
    #expect(try peakMemory() < 1 << 30)
  }

  @Test(arguments: [
    "model.pt", "ema.pt", "zip64.pt", "stored.npz", "deflated.npz", "types.safetensors",
    "float.onnx", "qdq.onnx", "qlinear.onnx", "dynamic.onnx", "added-bias.onnx", "constants.onnx",
    "float32.tflite", "float16.tflite", "int8.tflite",
  ])
  func `a mutated file is read or refused`(_ name: String) throws {
    try check(name, count: 2000, seed: 31)
  }

  @Test func `a mutated pickle with a right checksum is read or refused`() throws {
    let entries = try ZipBuilder.entries(of: Fixture.bytes("model.pt"))
    let place = try #require(entries.firstIndex { $0.name.hasSuffix("data.pkl") })
    try check(count: 6000, seed: 32, entries[place].bytes) { pickle in
      var changed = entries
      changed[place].bytes = pickle
      return ZipBuilder.archive(changed)
    }
  }

  @Test func `a mutated header of an array with a right checksum is read or refused`() throws {
    let entries = try ZipBuilder.entries(of: Fixture.bytes("versions.npz"))
    try check(count: 2000, seed: 33, entries[0].bytes) { array in
      ZipBuilder.archive([ZipBuilder.Entry(name: "a.npy", bytes: array)])
    }
  }
}
