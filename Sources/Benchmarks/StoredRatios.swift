import Checkpoints

/// Ratios that were measured before, and how far a new measurement may fall behind them.
///
/// In a file: `{"format": "edgewise-bench-ratios", "ratios": {NAME: {"value": 1.2, "better":
/// "higher", "tolerance": 0.1, "why": "…"}}}`.
public struct StoredRatios: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public var value: Double
    public var isHigherBetter: Bool
    /// How much worse a new value may be, as a part of `value`.
    public var tolerance: Double
    /// Why the tolerance has its size.
    public var why: String

    public init(value: Double, isHigherBetter: Bool, tolerance: Double, why: String) {
      self.value = value
      self.isHigherBetter = isHigherBetter
      self.tolerance = tolerance
      self.why = why
    }

    /// The worst value that is no regression.
    public var bound: Double { value * (isHigherBetter ? 1 - tolerance : 1 + tolerance) }

    func allows(_ measured: Double) -> Bool {
      isHigherBetter ? measured >= bound : measured <= bound
    }
  }

  public enum Verdict: Hashable, Sendable {
    case kept
    case worse
    /// Better by more than the tolerance: worth storing.
    case better
    case missing
  }

  public struct Comparison: Hashable, Sendable {
    public var name: String
    public var stored: Entry
    public var measured: Double?
    public var verdict: Verdict
  }

  static let format = "edgewise-bench-ratios"

  public var entries: [String: Entry]

  public init(entries: [String: Entry]) { self.entries = entries }

  /// Reads the bytes of a file; `file` names it in sentences.
  public init(parsing bytes: [UInt8], file: String) throws(BenchmarkError) {
    let json: JSONValue
    do { json = try JSONValue(parsing: bytes) } catch {
      throw .badRatios(file: file, reason: "this is no JSON (\(error))")
    }
    guard json["format"]?.string == Self.format, let members = json["ratios"]?.object else {
      throw .badRatios(
        file: file,
        reason: "the keys `format`, with the value \(Self.format), and `ratios` are expected")
    }
    entries = [:]
    for (name, entry) in members {
      guard let value = entry["value"]?.double, value.isFinite, value > 0,
        let tolerance = entry["tolerance"]?.double, (0..<1).contains(tolerance),
        let better = entry["better"]?.string, ["higher", "lower"].contains(better)
      else {
        throw .badRatios(
          file: file,
          reason:
            "\(name) needs `value` above 0, `tolerance` from 0 to 1 and `better`, which is higher or lower"
        )
      }
      entries[name] = Entry(
        value: value, isHigherBetter: better == "higher", tolerance: tolerance,
        why: entry["why"]?.string ?? "")
    }
  }

  /// The file's text, with a line feed at the end.
  public var text: String {
    let members = entries.mapValues { entry -> JSONValue in
      [
        "value": .number(entry.value), "better": entry.isHigherBetter ? "higher" : "lower",
        "tolerance": .number(entry.tolerance), "why": .string(entry.why),
      ]
    }
    return JSONValue.object(["format": .string(Self.format), "ratios": .object(members)]).text
      + "\n"
  }

  /// Every stored ratio beside the measured one, in the order of the names.
  public func compare(_ measured: [String: Double]) -> [Comparison] {
    entries.sorted { $0.key < $1.key }.map { name, stored in
      guard let value = measured[name] else {
        return Comparison(name: name, stored: stored, measured: nil, verdict: .missing)
      }
      let mirrored = Entry(
        value: stored.value, isHigherBetter: !stored.isHigherBetter, tolerance: stored.tolerance,
        why: "")
      let verdict: Verdict =
        !stored.allows(value) ? .worse : mirrored.allows(value) ? .kept : .better
      return Comparison(name: name, stored: stored, measured: value, verdict: verdict)
    }
  }

  /// The same names and tolerances with the values of `measured` where it has them, to three
  /// significant digits: more is noise.
  public func updated(with measured: [String: Double]) -> StoredRatios {
    var result = self
    for (name, value) in measured where result.entries[name] != nil {
      result.entries[name]!.value = threeDigits(value)
    }
    return result
  }
}

private func threeDigits(_ value: Double) -> Double {
  var unit = 1.0
  while value.magnitude / unit >= 1000 { unit *= 10 }
  var digits = 1.0
  while value != 0, value.magnitude / unit * digits < 100 { digits *= 10 }
  return (value / unit * digits).rounded() / digits * unit
}

extension StoredRatios.Comparison {
  /// One sentence.
  public var sentence: String {
    func shown(_ value: Double) -> String { "\(threeDigits(value))" }
    let stored =
      "stored \(shown(stored.value)), tolerance \(Int((100 * stored.tolerance).rounded())) %"
    switch verdict {
    case .kept: return "\(name) is \(shown(measured!)) (\(stored))"
    case .worse:
      return
        "\(name) has become worse: it is \(shown(measured!)), and at \(self.stored.isHigherBetter ? "least" : "most") \(shown(self.stored.bound)) was expected (\(stored)); find the change that did it, or store the new value with --update"
    case .better:
      return
        "\(name) has become better: it is \(shown(measured!)) (\(stored)); store it with --update"
    case .missing:
      return "\(name) was not measured (\(stored)); run the whole of `make bench-check`"
    }
  }
}
