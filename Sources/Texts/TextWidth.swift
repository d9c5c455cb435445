/// The columns that a line takes on a terminal: two for characters of East Asia and for emoji, none
/// for a mark over the character before.
public func columnCount(_ text: String) -> Int {
  if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
  return text.reduce(0) { $0 + columnCount($1) }
}

/// `text`, cut to `width` columns, the last of them `…` where something is left out.
public func cut(_ text: String, toColumns width: Int) -> String {
  guard columnCount(text) > width else { return text }
  var (kept, columns) = ("", 0)
  for character in text {
    columns += columnCount(character)
    if columns > width - 1 { break }
    kept.append(character)
  }
  return width > 0 ? kept + "…" : ""
}

/// `text` with spaces up to `width` columns, behind it, or before it where `isRight`.
public func padded(_ text: String, toColumns width: Int, isRight: Bool = false) -> String {
  let space = String(repeating: " ", count: max(width - columnCount(text), 0))
  return isRight ? space + text : text + space
}

private func columnCount(_ character: Character) -> Int {
  guard let first = character.unicodeScalars.first else { return 0 }
  if first.isASCII { return 1 }
  switch first.properties.generalCategory {
  case .nonspacingMark, .enclosingMark, .format: return 0
  default: break
  }
  // A flag is two letters of a range that is not wide by itself.
  return isWide(first) || character.unicodeScalars.contains { $0.properties.isEmojiPresentation }
    ? 2 : 1
}

/// The blocks whose East Asian Width is W or F.
///
/// *Source.* Unicode Standard Annex 11, EastAsianWidth.txt, taken together to whole blocks.
private func isWide(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
    0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x17000...0x18CFF,
    0x1B000...0x1B2FF, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
    true
  default: false
  }
}
