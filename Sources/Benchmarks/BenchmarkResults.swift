public import Checkpoints

/// What one or several `bench` commands measured: their JSON documents, one per line of a file.
///
/// A line's key `bench` says what it is (`step`, `ops`, `infer`, …). A line with the key `peer` is of
/// another program, measured in the same minutes; without `bench` it is a training step.
public struct BenchmarkResults: Sendable {
  public private(set) var lines: [JSONValue] = []

  public init() {}

  /// Reads the lines of `text`; empty ones are passed over. `file` names it in sentences.
  public init(text: String, file: String) throws(BenchmarkError) {
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    where line.contains(where: { !$0.isWhitespace }) {
      guard let value = try? JSONValue(parsing: Array(line.utf8)), value.object != nil else {
        throw .badLine(file: file, line: index + 1)
      }
      lines.append(value)
    }
  }

  public mutating func append(_ other: BenchmarkResults) { lines += other.lines }

  /// The project's own lines of a kind, in order.
  public func own(_ bench: String) -> [JSONValue] {
    lines.filter { $0["peer"] == nil && $0["bench"]?.string == bench }
  }

  /// The other programs' lines of a kind, in order.
  public func peers(_ bench: String) -> [JSONValue] {
    lines.filter { $0["peer"] != nil && ($0["bench"]?.string ?? "step") == bench }
  }

  /// The lines of `lines` that were measured with the model and shapes of the first one.
  static func likeFirst(_ lines: [JSONValue]) -> [JSONValue] {
    guard let first = lines.first else { return [] }
    return lines.filter { line in
      ["model", "size", "batch"].allSatisfy { line[$0] == first[$0] }
    }
  }
}

/// Why results or stored ratios cannot be used.
public enum BenchmarkError: Error, Hashable, Sendable, CustomStringConvertible {
  case badLine(file: String, line: Int)
  case badRatios(file: String, reason: String)

  public var description: String {
    switch self {
    case .badLine(let file, let line):
      "\(file):\(line): this is no JSON object on one line; give what `edgewise bench … --json` prints"
    case .badRatios(let file, let reason): "\(file): \(reason)"
    }
  }
}
