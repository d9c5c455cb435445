/// `text` on one line, with everything written out that could steer a terminal, hide or reorder what
/// stands around it: `a⏎b` is `a\nb`, an escape `\u{1b}`, an override of the direction `\u{202e}`.
///
/// Names come from files, and files from anywhere. What is written out: controls (C0, DEL, C1), line
/// and paragraph separators, format characters (directions, tags, zero-width spaces), and values that
/// are no characters. The joiners U+200C and U+200D stay, for scripts and emoji need them.
public func printable(_ text: String) -> String { printable(text, keeping: []) }

/// The same of a text of several lines that this program has laid out: its line feeds stay.
public func printableLines(_ text: String) -> String { printable(text, keeping: ["\n"]) }

/// The same of a line of another program: its tabulators stay.
public func printableForeignLine(_ text: String) -> String { printable(text, keeping: ["\t"]) }

private func printable(_ text: String, keeping kept: Set<Unicode.Scalar>) -> String {
  if text.utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7F }) { return text }
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    guard isUnsafe(scalar), !kept.contains(scalar) else {
      result.append(scalar)
      continue
    }
    switch scalar {
    case "\n": result.append(contentsOf: "\\n".unicodeScalars)
    case "\r": result.append(contentsOf: "\\r".unicodeScalars)
    case "\t": result.append(contentsOf: "\\t".unicodeScalars)
    default:
      result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
    }
  }
  return String(result)
}

/// `document`, which is JSON, with the same characters as `\uXXXX`: the value stays the same.
///
/// In JSON they can stand in strings only, but for the line feeds and tabulators between values.
public func printableJSON(_ document: String) -> String {
  if document.utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7F || $0 == 0x0A }) { return document }
  var result = String.UnicodeScalarView()
  for scalar in document.unicodeScalars {
    guard isUnsafe(scalar), scalar != "\n" else {
      result.append(scalar)
      continue
    }
    for unit in String(scalar).utf16 {
      let digits = String(unit, radix: 16)
      result.append(
        contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
          .unicodeScalars)
    }
  }
  return String(result)
}

/// Whether `scalar` does something else than to be seen in its place.
private func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
  if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
  switch scalar.properties.generalCategory {
  case .control, .lineSeparator, .paragraphSeparator, .surrogate: return true
  case .format: return scalar != "\u{200C}" && scalar != "\u{200D}"
  case .unassigned: return scalar.properties.isNoncharacterCodePoint
  default: return false
  }
}
