import Reporting
import Texts

/// Words of this program with values in between, such as `"\(path): \(count) tensors"`.
///
/// The words are laid out as they are written; values come from anywhere, and are made printable, so
/// that no name can steer the terminal or begin a line of its own. Tables have done that already.
struct Wording: ExpressibleByStringInterpolation {
  let text: String

  init(stringLiteral text: String) { self.text = text }
  init(stringInterpolation words: StringInterpolation) { text = words.text }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ words: String) { text += words }
    mutating func appendInterpolation(_ value: some Any) { text += printable("\(value)") }
    mutating func appendInterpolation(_ table: TextTable) { text += table.description }
    mutating func appendInterpolation(_ words: Wording) { text += words.text }
  }
}

/// Results on standard output. Stands before Swift's own `print`, which does not tell what was not written.
func print(_ words: Wording) { StandardOutput.write(words.text + "\n") }

/// The same of text that was laid out elsewhere: its line feeds stay, so what it holds of names must have
/// been made printable there.
@_disfavoredOverload
func print(_ items: Any..., separator: String = " ", terminator: String = "\n") {
  let text = items.map { "\($0)" }.joined(separator: separator)
  StandardOutput.write(printableLines(text) + terminator)
}
