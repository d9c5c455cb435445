import Images
import Yams

/// Why a text is no YAML that is read here.
package struct YAMLError: Error, Equatable {
  /// Line in the file, from 1, where it is known.
  package var line: Int?
  /// A clause without a full stop.
  package var problem: String
}

/// The one door for YAML: data.yaml and recipes come in here.
///
/// A few bytes of YAML can stand for any amount of memory and time: an alias repeats what may hold
/// aliases itself. So everything is bounded, and the bounds are said where they are met.
extension YAMLNode {
  /// A list of 20,000 classes with long names takes half of it.
  package static let maximumByteCount = 1 << 20
  /// Three aliases to three aliases and so on: ten let a text stand for at most 60 times itself.
  package static let maximumAliasCount = 10
  /// A longer text may have no alias at all: sixty times 1 MiB would take half a minute.
  package static let maximumByteCountWithAliases = 1 << 16
  package static let maximumNodeCount = 300_000
  package static let maximumDepth = 32

  /// Reads the one document of a text (JSON is YAML). A byte-order mark is passed over.
  package init(yaml text: String) throws(YAMLError) {
    guard text.utf8.count <= Self.maximumByteCount else {
      throw YAMLError(
        problem: "it has \(text.utf8.count) bytes, more than the limit of \(Self.maximumByteCount)")
    }
    let text =
      text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    try Self.checkAliases(text)
    let root: Node?
    do {
      // Without rules for tags: no scalar is ever anything but its text.
      root = try compose(yaml: text, .basic, .default, .utf8)
    } catch {
      throw Self.explain(error)
    }
    var count = 0
    self = try Self(root, depth: 0, count: &count)
  }

  /// Reads the bytes of a file, which must be UTF-8.
  package init(yaml bytes: [UInt8]) throws(YAMLError) {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw YAMLError(problem: "it is UTF-16, not UTF-8; save it as UTF-8")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let lines = FileSystem.lines(bytes)
      let line = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
      throw YAMLError(
        line: line.map { $0 + 1 },  // bounded: the index of a line
        problem: "it is not UTF-8 (perhaps Latin-1 or GBK); save it as UTF-8")
    }
    try self.init(yaml: text)
  }

  /// Counts what may be an alias: `*` before a letter or digit, not inside a word. In quotes and
  /// comments it is counted too, since only the reader itself knows where these begin.
  // bounded: i is an index; its neighbours are compared with the ends first; counts of bytes
  private static func checkAliases(_ text: String) throws(YAMLError) {
    func isWord(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }
    var text = text
    let limit = text.utf8.count > maximumByteCountWithAliases ? 0 : maximumAliasCount
    let line = text.withUTF8 { bytes -> Int? in
      var (count, line) = (0, 1)
      for i in bytes.indices {
        if bytes[i] == 0x0A { line += 1 }
        guard bytes[i] == UInt8(ascii: "*"), i + 1 < bytes.count, isWord(bytes[i + 1]) else {
          continue
        }
        if i > 0 {
          let before = bytes[i - 1]
          // After a hyphen it may be one, in a flow list.
          if before != UInt8(ascii: "-"), isWord(before) || "*/.".utf8.contains(before) { continue }
        }
        count += 1
        if count > limit { return line }
      }
      return nil
    }
    guard let line else { return }
    throw YAMLError(
      line: line,
      problem: "it has more than \(limit) aliases (`*name`)"
        + (limit == 0 ? " in more than \(maximumByteCountWithAliases) bytes" : "")
        + "; write the values out")
  }

  // bounded: depth is at most 32
  private init(_ node: Node?, depth: Int, count: inout Int) throws(YAMLError) {
    let line = node?.mark?.line
    count += 1
    guard count <= Self.maximumNodeCount else {
      throw YAMLError(
        line: line, problem: "it has more than the limit of \(Self.maximumNodeCount) values")
    }
    guard depth <= Self.maximumDepth else {
      throw YAMLError(
        line: line, problem: "it is nested deeper than the limit of \(Self.maximumDepth)")
    }
    let content: Content
    switch node {
    case nil: content = .scalar("", isQuoted: false)
    case .scalar(let scalar):
      content = .scalar(
        scalar.string, isQuoted: scalar.style == .singleQuoted || scalar.style == .doubleQuoted)
    case .sequence(let sequence):
      var items: [YAMLNode] = []
      for item in sequence { items.append(try Self(item, depth: depth + 1, count: &count)) }
      content = .list(items)
    case .mapping(let mapping):
      var pairs: [(key: String, value: YAMLNode)] = []
      for (key, value) in mapping {
        guard case .scalar(let name) = key else {
          throw YAMLError(line: key.mark?.line, problem: "a key is not a word")
        }
        var value = try Self(value, depth: depth + 1, count: &count)
        // A section's own mark is its first key; a sentence is about the line of its name.
        value.line = name.mark?.line ?? value.line
        pairs.append((name.string, value))
      }
      content = .section(pairs)
    case .alias: throw YAMLError(line: line, problem: "an alias to nothing")
    }
    self.init(content: content, line: line)
  }

  private static func explain(_ error: any Error) -> YAMLError {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      YAMLError(line: mark.line, problem: problem)
    case .duplicatedKeysInMapping(let duplicates, let context):
      YAMLError(
        line: context.mark.line,
        problem:
          "the key \(duplicates.sorted().map { "`\($0)`" }.joined(separator: ", ")) stands here twice"
      )
    case .reader(let problem, _, _, _): YAMLError(problem: problem)
    default: YAMLError(problem: "the reader gave up")
    }
  }
}
