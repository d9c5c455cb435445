import Foundation
import Glibc
import Texts

/// Text for standard output: coloured and cut to the width of a terminal, left as it is elsewhere, so
/// that files and pagers get whole lines without controls.
enum TerminalText {
  enum Colour: String {
    case red = "31"
    case green = "32"
    case bold = "1"
  }

  /// `NO_COLOR` and a dumb terminal are respected.
  static let isColoured: Bool = {
    let environment = ProcessInfo.processInfo.environment
    return isatty(STDOUT_FILENO) == 1 && environment["NO_COLOR", default: ""].isEmpty
      && environment["TERM"] != "dumb"
  }()

  /// Columns of the terminal; `nil` elsewhere.
  static let width: Int? = {
    var size = winsize()
    guard isatty(STDOUT_FILENO) == 1, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0,
      size.ws_col > 20
    else { return nil }
    return Int(size.ws_col)
  }()

  /// Prints lines; `colour` is asked for each. What they hold of names was made printable before.
  static func print(_ text: String, colour: (Substring) -> Colour? = { _ in nil }) {
    let lines = printableLines(text).split(separator: "\n", omittingEmptySubsequences: false)
    let shown = lines.map { line in
      let text = width.map { cut(String(line), toColumns: $0) } ?? String(line)
      guard isColoured, let colour = colour(line) else { return text }
      return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }
    StandardOutput.write(shown.joined(separator: "\n") + "\n")
  }
}
