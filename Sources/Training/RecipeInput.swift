import Yams

/// A value as the author wrote it, before its key says what it must be.
struct RecipeInput {
  indirect enum Content {
    /// `isQuoted`: written in quotes, so a text whatever it looks like.
    case scalar(String, isQuoted: Bool)
    case list([RecipeInput])
    case section([(key: String, value: RecipeInput)])
  }

  var content: Content
  /// Line in its file, from 1.
  var line: Int?

  /// Nothing written after the colon, or `~` or `null`.
  var isEmpty: Bool {
    guard case .scalar(let text, isQuoted: false) = content else { return false }
    return text.isEmpty || text == "~" || text == "null"
  }

  var flag: Bool? {
    guard case .scalar(let text, isQuoted: false) = content else { return nil }
    return switch text {
    case "true", "True", "TRUE": true
    case "false", "False", "FALSE": false
    default: nil
    }
  }

  var integer: Int? {
    guard case .scalar(let text, isQuoted: false) = content else { return nil }
    // `Int` refuses `_`, which YAML allows between digits.
    return Int(text.filter { $0 != "_" })  // bounded: of a text, nil where it is none
  }

  /// A finite decimal number. Hexadecimal, `inf` and `nan`, which `Double` would take, are refused.
  var number: Double? {
    guard case .scalar(let text, isQuoted: false) = content,
      text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }), let value = Double(text),
      value.isFinite
    else { return nil }
    return value
  }

  /// Any scalar; empty for nothing.
  var text: String? {
    if isEmpty { return "" }
    guard case .scalar(let text, _) = content else { return nil }
    return text
  }

  /// A list of scalars, or one scalar for a list of one.
  var texts: [String]? {
    switch content {
    case .list(let items):
      let texts = items.compactMap(\.text)
      return texts.count == items.count ? texts : nil
    case .scalar(let text, _): return isEmpty ? [] : [text]
    case .section: return nil
    }
  }

  /// For sentences: what stands there.
  var shown: String {
    switch content {
    case .scalar(let text, let isQuoted):
      isEmpty ? "empty" : isQuoted ? "the text \"\(text)\"" : "`\(text)`"
    case .list: "a list"
    case .section: "a section of keys"
    }
  }

  /// Reads one YAML document (JSON is YAML).
  ///
  /// - Throws: `notYAML`, with the line where the reader knows it.
  init(yaml: String, file: String) throws(RecipeError) {
    let node: Node?
    do {
      node = try compose(yaml: yaml)
    } catch {
      let (line, problem) = Self.explain(error)
      throw .notYAML(place: line.map { "\(file):\($0)" } ?? file, problem: problem)
    }
    self = try Self(node, file: file)
  }

  private init(_ node: Node?, file: String) throws(RecipeError) {
    line = node?.mark?.line
    switch node {
    case nil: content = .scalar("", isQuoted: false)
    case .scalar(let scalar):
      content = .scalar(
        scalar.string, isQuoted: scalar.style == .singleQuoted || scalar.style == .doubleQuoted)
    case .sequence(let sequence):
      var items: [RecipeInput] = []
      for item in sequence { items.append(try Self(item, file: file)) }
      content = .list(items)
    case .mapping(let mapping):
      var pairs: [(key: String, value: RecipeInput)] = []
      for (key, value) in mapping {
        guard case .scalar(let name) = key else {
          throw .notYAML(
            place: key.mark.map { "\(file):\($0.line)" } ?? file, problem: "a key is not a word")
        }
        var input = try Self(value, file: file)
        // A section's own mark is its first key; the sentence is about the line of its name.
        input.line = name.mark?.line ?? input.line
        pairs.append((name.string, input))
      }
      content = .section(pairs)
    case .alias:
      throw .notYAML(
        place: line.map { "\(file):\($0)" } ?? file, problem: "an alias to nothing")
    }
  }

  /// The line and the problem in one clause.
  private static func explain(_ error: any Error) -> (line: Int?, problem: String) {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      (mark.line, problem)
    case .duplicatedKeysInMapping(let duplicates, let context):
      (
        context.mark.line,
        "the key \(duplicates.sorted().map { "`\($0)`" }.joined(separator: ", ")) stands here twice"
      )
    case .reader(let problem, _, _, _): (nil, problem)
    default: (nil, "the reader gave up")
    }
  }
}
