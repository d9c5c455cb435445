import Foundation
import Testing
import Texts

@Suite struct PrintableTextTests {
  /// Every kind of character that does something else than to be seen.
  private let hostile =
    "a\u{1B}[31m\u{07}\r\n\t\u{7F}\u{9B}\u{202E}\u{2066}\u{200E}\u{61C}\u{2028}\u{2029}\u{FEFF}\u{E0041}\u{FFFF}z"

  private func unsafe(_ text: String) -> [Unicode.Scalar] {
    text.unicodeScalars.filter {
      [.control, .format, .lineSeparator, .paragraphSeparator].contains(
        $0.properties.generalCategory) || $0.properties.isNoncharacterCodePoint
    }
  }

  @Test func `what could steer a terminal is written out`() {
    #expect(
      printable(hostile)
        == "a\\u{1b}[31m\\u{7}\\r\\n\\t\\u{7f}\\u{9b}\\u{202e}\\u{2066}\\u{200e}\\u{61c}\\u{2028}\\u{2029}\\u{feff}\\u{e0041}\\u{ffff}z"
    )
    #expect(unsafe(printable(hostile)).isEmpty)
    // A carriage return and a line feed are one `Character`.
    #expect(printableLines("a\r\nb") == "a\\r\nb")
    #expect(printableForeignLine("a\tb\nc") == "a\tb\\nc")
  }

  @Test func `names of all scripts stay as they are`() {
    for name in ["parking lot", "Fußgänger", "行人", "עובר אורח", "क्‍ष", "👩‍👧", "e\u{301}"] {
      #expect(printable(name) == name)
    }
  }

  @Test func `JSON keeps its value`() throws {
    let document = String(
      decoding: try JSONSerialization.data(withJSONObject: ["name": hostile]), as: UTF8.self)
    let shown = printableJSON(document)
    #expect(unsafe(shown).isEmpty)
    let value = try JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [String: String]
    #expect(value?["name"]?.unicodeScalars.elementsEqual(hostile.unicodeScalars) == true)
  }
}

@Suite struct TextWidthTests {
  @Test(arguments: [
    ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("行人", 4), ("ｆｕｌｌ", 8), ("👩‍👧", 2), ("🇩🇪", 2),
    ("…", 1),
  ])
  func `columns are those of a terminal`(text: String, columns: Int) {
    #expect(columnCount(text) == columns)
  }

  @Test func `cutting and padding count columns`() {
    #expect(cut("abcdef", toColumns: 6) == "abcdef")
    #expect(cut("abcdef", toColumns: 4) == "abc…")
    #expect(cut("行人行人", toColumns: 6) == "行人…")
    #expect(padded("行人", toColumns: 6) == "行人  ")
    #expect(padded("ab", toColumns: 4, isRight: true) == "  ab")
    #expect(padded("abcdef", toColumns: 2) == "abcdef")
  }
}

@Suite struct XMLTextTests {
  @Test func `markup and forbidden characters do not get through`() {
    #expect(xmlText("a<b> & \"c\"") == "a&lt;b&gt; &amp; &quot;c&quot;")
    #expect(xmlText("&\u{301}<\u{301}") == "&amp;\u{301}&lt;\u{301}")
    #expect(xmlText("\u{1B}\u{0}\n\u{FFFE}") == "\\u{1b}\\u{0}\\n\\u{fffe}")
  }
}
