/// A value in `metrics.jsonl`.
public enum MetricValue: Hashable, Sendable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByStringLiteral
{
  case integer(Int)
  /// Written so that it reads back as the same bits; what is not finite becomes `null`.
  case number(Double)
  case text(String)

  public init(floatLiteral value: Double) { self = .number(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(stringLiteral value: String) { self = .text(value) }

  var json: String {
    switch self {
    case .integer(let value): String(value)
    case .number(let value): value.isFinite ? value.description : "null"
    case .text(let value): jsonString(value)
    }
  }
}

/// `metrics.jsonl`: one JSON object per line, beginning with the optimizer step it was taken after.
public struct MetricsFile: Sendable {
  private let file: LineFile

  /// Begins a new file at `path`, or goes on with the one there.
  ///
  /// - Parameter lastStep: the step that a resumed run goes on after: lines of later steps, and what
  ///   is no line of this file, are dropped. `nil` begins anew.
  public init(path: String, resumingAfter lastStep: Int? = nil) throws(ReportError) {
    file = LineFile(path: path)
    var kept: [Substring] = []
    if let lastStep, let lines = try file.lines() {
      kept = lines.filter { line in
        guard line.hasPrefix(Self.opening), line.hasSuffix("}") else { return false }
        let digits = line.dropFirst(Self.opening.count).prefix { $0.isNumber }
        return Int(digits).map { $0 <= lastStep } ?? false
      }
    }
    try file.replace(by: kept)
  }

  /// Appends `{"step":…,"kind":…, members in their order}`.
  public func append(
    step: Int, kind: String, _ members: KeyValuePairs<String, MetricValue>
  ) throws(ReportError) {
    try append(step: step, kind: kind, members.map { (name: $0, value: $1) })
  }

  /// The same, of members that a loop has gathered.
  public func append(
    step: Int, kind: String, _ members: [(name: String, value: MetricValue)]
  ) throws(ReportError) {
    var line = Self.opening + "\(step),\"kind\":" + jsonString(kind)
    for (name, value) in members { line += "," + jsonString(name) + ":" + value.json }
    try file.append(line + "}")
  }

  private static let opening = "{\"step\":"
}

private func jsonString(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\u{00}"..."\u{1F}":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
