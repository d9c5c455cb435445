import Datasets
import Testing

@Suite struct YAMLNodeTests {
  private func problem(_ text: String) -> String? {
    do throws(YAMLError) {
      _ = try YAMLNode(yaml: text)
      return nil
    } catch {
      return error.problem
    }
  }

  @Test func `Scalars are texts, and numbers are exact or none`() throws {
    let node = try YAMLNode(
      yaml: "a: 1:1:1:1:1:1:1:1:1:1:1:1:1\nb: 1_000\nc: 0x10\nd: .inf\ne: '7'")
    #expect(node["a"]?.text == "1:1:1:1:1:1:1:1:1:1:1:1:1" && node["a"]?.integer == nil)
    #expect(node["b"]?.integer == 1000 && node["c"]?.integer == nil)
    #expect(node["d"]?.number == nil && node["e"]?.integer == nil)
    #expect(try YAMLNode(yaml: "99999999999999999999").integer == nil)
  }

  @Test func `A mark, carriage returns and any writing are read`() throws {
    let text = "\u{FEFF}names: [空位, \"car's \\\"bay\\\"\", '🚗']\r\nnc: 3\r\n"
    for node in [try YAMLNode(yaml: text), try YAMLNode(yaml: Array(text.utf8))] {
      #expect(node["names"]?.texts == ["空位", "car's \"bay\"", "🚗"])
      #expect(node["nc"]?.integer == 3 && node["nc"]?.line == 2)
    }
  }

  @Test func `What is not UTF-8 is refused with its line`() {
    let gbk: [UInt8] = Array("a: 1\nb: ".utf8) + [0xBF, 0xD5, 0xCE, 0xBB]
    #expect { try YAMLNode(yaml: gbk) } throws: {
      ($0 as? YAMLError)?.line == 2 && "\($0)".contains("not UTF-8")
    }
    let latin: [UInt8] = Array("name: caf".utf8) + [0xE9]
    #expect { try YAMLNode(yaml: latin) } throws: { "\($0)".contains("not UTF-8") }
    let wide: [UInt8] = [0xFF, 0xFE, 0x61, 0]
    #expect { try YAMLNode(yaml: wide) } throws: { "\($0)".contains("UTF-16") }
  }

  @Test func `A few aliases are followed, many refused`() throws {
    let few = try YAMLNode(yaml: "a: &a [x, y]\nb: *a\n# **bold** 3*4 *.jpg images/*.png\n")
    #expect(few["b"]?.texts == ["x", "y"])
    var bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n"
    for (name, next) in zip("abcdefghijkl", "bcdefghijklm") {
      bomb +=
        "\(next): &\(next) [" + Array(repeating: "*\(name)", count: 9).joined(separator: ",")
        + "]\n"
    }
    for text in [bomb, bomb + "names:\n  ? *m\n  : 1\n", bomb.replacing("*", with: "   *")] {
      #expect(problem(text)?.contains("more than 10 aliases") == true)
    }
  }

  @Test func `The worst that ten aliases can stand for is done in seconds`() throws {
    // 3, 3, 3 and 1 aliases, of which the last are keys, which are compared with one another.
    func text(_ count: Int) -> String {
      "a: &a [" + String(repeating: "x,", count: count)
        + "x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: &d [*c,*c,*c]\ne:\n  ? *d\n  : 1\n"
    }
    let start = ContinuousClock.now
    #expect(problem(text(32_000)) != nil)
    #expect(problem(text(100_000))?.contains("more than 0 aliases") == true)
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test func `Bytes, values and depth have limits, which are said`() {
    #expect(problem(String(repeating: "a", count: 1 << 21))?.contains("limit of 1048576") == true)
    let many = "[" + String(repeating: "x,", count: 400_000) + "x]"
    #expect(problem(many)?.contains("limit of 300000") == true)
    for depth in [40, 900, 100_000] {
      #expect(
        problem(String(repeating: "[", count: depth) + String(repeating: "]", count: depth)) != nil)
      #expect(problem(String(repeating: "- ", count: depth) + "x") != nil)
    }
  }

  @Test(arguments: [
    "a: 1\na: 2", "? [a]\n: 1", "a: *b", "a: \"\\ud800\"", "%YAML 9.9\n---\na", "a\n---\nb",
    "\u{0}",
    "!!int x: !!float y", "--- >\n", "{a: {b: [}", "&a &a x", "? ? ? x",
  ])
  func `Odd texts are read or refused`(text: String) {
    _ = problem(text)
  }

  @Test func `Mutated texts are read or refused`() {
    let seed = Array(
      "path: .\ntrain: [a, 'b']\nnames: {0: x, 1: \"y\\u00e9\"}\nl: &a |\n  t\nm: *a\n? - k\n: >-\n  z\n"
        .utf8)
    let marks = Array("\n\t :-?*&!|>'\"%@`#,[]{}\\<=~0x".utf8) + [0, 0x80, 0xFF, 0xEF, 0xBB, 0xBF]
    var state: UInt64 = 20
    func random(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(count))
    }
    for _ in 0..<20_000 {
      var bytes = seed
      for _ in 0...random(6) {
        let at = random(bytes.count)
        switch random(4) {
        case 0: bytes[at] = marks[random(marks.count)]
        case 1: bytes.insert(marks[random(marks.count)], at: at)
        case 2: bytes.remove(at: at)
        default:
          bytes.insert(
            contentsOf: bytes[at..<min(bytes.count, at + random(9))], at: random(bytes.count))
        }
        if bytes.isEmpty { bytes = seed }
      }
      _ = try? YAMLNode(yaml: bytes)
    }
  }
}
