import Foundation
import Glibc

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

  /// Prints lines; `colour` is asked for each.
  static func print(_ text: String, colour: (Substring) -> Colour? = { _ in nil }) {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var shown = String(line)
      if let width, shown.count > width { shown = shown.prefix(width - 1) + "…" }
      if isColoured, let colour = colour(line) {
        shown = "\u{1B}[\(colour.rawValue)m\(shown)\u{1B}[0m"
      }
      Swift.print(shown)
    }
  }
}
