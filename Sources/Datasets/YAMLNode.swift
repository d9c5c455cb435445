/// A value of a YAML text as its author wrote it, before its key says what it must be.
///
/// Every scalar is a text here. Whoever asks for a number gets an exact one or `nil`: YAML's own
/// numbers (`1:30` for ninety, octals, `.inf`) are not guessed at.
package struct YAMLNode: Sendable {
  package indirect enum Content: Sendable {
    /// `isQuoted`: written in quotes, so a text whatever it looks like.
    case scalar(String, isQuoted: Bool)
    case list([YAMLNode])
    case section([(key: String, value: YAMLNode)])
  }

  package var content: Content
  /// Line in its file, from 1.
  package var line: Int?

  /// Nothing written after the colon, or `~` or `null`.
  package var isEmpty: Bool {
    guard case .scalar(let text, isQuoted: false) = content else { return false }
    return text.isEmpty || text == "~" || text == "null"
  }

  package var flag: Bool? {
    guard case .scalar(let text, isQuoted: false) = content else { return nil }
    return switch text {
    case "true", "True", "TRUE": true
    case "false", "False", "FALSE": false
    default: nil
    }
  }

  package var integer: Int? {
    guard case .scalar(let text, isQuoted: false) = content else { return nil }
    // `Int` refuses `_`, which YAML allows between digits, and what is too large.
    return Int(text.filter { $0 != "_" })  // bounded: of a text: nil if too large
  }

  /// A finite decimal number. Hexadecimal, `inf` and `nan`, which `Double` would take, are refused.
  package var number: Double? {
    guard case .scalar(let text, isQuoted: false) = content else { return nil }
    return decimal(text)
  }

  /// Any scalar; empty for nothing.
  package var text: String? {
    if isEmpty { return "" }
    guard case .scalar(let text, _) = content else { return nil }
    return text
  }

  /// A list of scalars, or one scalar for a list of one.
  package var texts: [String]? {
    switch content {
    case .list(let items):
      let texts = items.compactMap(\.text)
      return texts.count == items.count ? texts : nil
    case .scalar(let text, _): return isEmpty ? [] : [text]
    case .section: return nil
    }
  }

  /// The value of a key; `nil` where there is none or this is no section.
  package subscript(key: String) -> YAMLNode? {
    guard case .section(let pairs) = content else { return nil }
    return pairs.first { $0.key == key }?.value
  }

  /// For sentences: what stands there. A long text is cut.
  package var shown: String {
    switch content {
    case .scalar(let text, let isQuoted):
      let brief = text.count > 60 ? text.prefix(60) + "…" : text[...]  // bounded: all of it
      return isEmpty ? "empty" : isQuoted ? "the text \"\(brief)\"" : "`\(brief)`"
    case .list: return "a list"
    case .section: return "a section of keys"
    }
  }
}

/// A finite decimal number, all of `text`; `nil` for anything else that `Double` would take.
func decimal(_ text: some StringProtocol) -> Double? {
  guard text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }), let value = Double(text),
    value.isFinite
  else { return nil }
  return value
}
