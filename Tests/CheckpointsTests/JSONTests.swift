import Checkpoints
import Foundation
import Testing

@Suite struct JSONTests {
  private func parse(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
  }

  @Test func `text and value go back and forth`() throws {
    let value: JSONValue = [
      "b": [1, -2.5, 1e-30, true, nil, "a \"quoted\" \\ line\n\u{1}\u{7F}é😀"],
      "a": [:], "c": [], "long": .array((0..<60).map { .string("element \($0)") }),
    ]
    #expect(try JSONValue(parsing: value.bytes()) == value)
    #expect(try parse(value.lineText) == value)
    #expect(value.text.hasPrefix("{\n  \"a\": {},\n  \"b\": [1, -2.5, 1e-30, true, null, "))
    let foundation = try JSONSerialization.jsonObject(with: Data(value.bytes()))
    #expect((foundation as? [String: Any])?.count == 4)
  }

  @Test func `escapes are read as the standard says`() throws {
    #expect(
      try parse(#""\u0041\u00e9\ud83d\ude00\/\b\f\n\r\t""#)
        == .string("Aé😀/\u{8}\u{C}\n\r\t"))
  }

  @Test(arguments: [
    "", " ", "{", "[1,]", "[1 2]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "01", "1.", ".5", "-",
    "1e", "+1", "nan", "tru", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\u{1}\"", "1 2",
    "9223372036854775808", "1e999", "{\"a\":1,\"a\":2}", "[", "]", "\"\\ud800\\u0041\"",
  ])
  func `what is not JSON is refused`(text: String) {
    #expect(throws: JSONError.self) { try parse(text) }
  }

  @Test func `invalid UTF-8 and deep nesting are refused`() {
    #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: JSONError.self) { try parse(deep) }
    let allowed = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    #expect(throws: Never.self) { try parse(allowed) }
  }

  @Test func `a whole number is one value in both forms`() throws {
    #expect(JSONValue.number(3) == .integer(3))
    #expect(Set([JSONValue.number(3), .integer(3)]).count == 1)
    #expect(JSONValue.number(3.5) != .integer(3))
    #expect(try parse("3.0").int == 3)
    #expect(try parse("3").double == 3)
  }

  @Test func `coded values pass through`() throws {
    struct Recipe: Codable, Equatable {
      var rate: Double
      var name: String?
      var sizes: [Int]
      var on: Bool
    }
    let recipe = Recipe(rate: 0.1, name: nil, sizes: [3, 4], on: true)
    let value = try JSONValue(encoding: recipe)
    #expect(value == ["rate": 0.1, "sizes": [3, 4], "on": true])
    #expect(try value.decoded(as: Recipe.self) == recipe)
    let coded = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
    #expect(coded == value)
  }

  @Test func `numbers that JSON lacks are strings`() throws {
    let value: JSONValue = [.number(.nan), .number(-.infinity)]
    #expect(value.lineText == #"["nan", "-inf"]"#)
    #expect(try JSONValue(parsing: value.bytes()).array?[1].double == -.infinity)
    #expect(try JSONValue(encoding: ["x": Double.infinity])["x"]?.double == .infinity)
  }
}
