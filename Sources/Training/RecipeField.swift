import Datasets

/// What a key holds, free of its Swift type: for writing, comparing and showing.
public enum RecipeValue: Hashable, Sendable, CustomStringConvertible {
  case flag(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([String])

  /// As JSON. A number keeps every bit: the shortest digits that read back as the same.
  public var description: String {
    switch self {
    case .flag(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .number(let value): value.description
    case .text(let value): quotedJSON(value)
    case .list(let values): "[" + values.map(quotedJSON).joined(separator: ",") + "]"
    }
  }
}

/// One key of a recipe: its dotted name, what it accepts, and how it is read and written.
///
/// Reading files, `--set`, checkpoints, differences and the check on resume all walk these; there
/// is no second list of keys.
public struct RecipeField: Sendable {
  /// Whether a resumed run may have another value than the run it goes on with.
  public enum OnResume: Sendable {
    /// Decides the weights: must stay.
    case fixed
    /// Decides only where things lie, how often they are saved or how fast they go.
    case free
  }

  public typealias Path<Value> = WritableKeyPath<Recipe, Value> & Sendable

  /// Dotted, e.g. `optimizer.learningRate`.
  public let key: String
  public let onResume: OnResume
  /// What is accepted, for sentences: "a whole number from 1 to 4096".
  public let expected: String
  let read: @Sendable (Recipe) -> RecipeValue
  /// Puts the value in, or returns false where it is not `expected`.
  let write: @Sendable (inout Recipe, RecipeInput) -> Bool

  static func flag(_ key: String, _ path: Path<Bool>, _ onResume: OnResume = .fixed) -> Self {
    Self(key: key, onResume: onResume, expected: "true or false") {
      .flag($0[keyPath: path])
    } write: {
      guard let value = $1.flag else { return false }
      $0[keyPath: path] = value
      return true
    }
  }

  static func integer(
    _ key: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ onResume: OnResume = .fixed,
    multipleOf unit: Int = 1
  ) -> Self {
    let kind = unit == 1 ? "a whole number" : "a multiple of \(unit)"
    return Self(
      key: key, onResume: onResume,
      expected: "\(kind) from \(range.lowerBound) to \(range.upperBound)"
    ) {
      .integer($0[keyPath: path])
    } write: {
      guard let value = $1.integer, range.contains(value), value % unit == 0 else { return false }
      $0[keyPath: path] = value
      return true
    }
  }

  /// Up to the largest `Int`, so that it is a plain integer in every JSON reader of ours.
  static func seed(_ key: String, _ path: Path<UInt64>) -> Self {
    Self(key: key, onResume: .fixed, expected: "a whole number from 0 to \(Int.max)") {
      .integer(Int($0[keyPath: path]))
    } write: {
      guard let value = $1.integer, value >= 0 else { return false }
      $0[keyPath: path] = UInt64(value)
      return true
    }
  }

  static func number(
    _ key: String, _ path: Path<Double>, _ range: ClosedRange<Double>,
    _ onResume: OnResume = .fixed
  ) -> Self {
    Self(
      key: key, onResume: onResume,
      expected: "a number from \(brief(range.lowerBound)) to \(brief(range.upperBound))"
    ) {
      .number($0[keyPath: path])
    } write: {
      guard let value = $1.number, range.contains(value) else { return false }
      $0[keyPath: path] = value
      return true
    }
  }

  static func text(_ key: String, _ path: Path<String>, onResume: OnResume = .fixed) -> Self {
    Self(key: key, onResume: onResume, expected: "a text") {
      .text($0[keyPath: path])
    } write: {
      guard let value = $1.text else { return false }
      $0[keyPath: path] = value
      return true
    }
  }

  static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
    _ key: String, _ path: Path<Value>, _ onResume: OnResume = .fixed
  ) -> Self {
    let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
    return Self(key: key, onResume: onResume, expected: "one of \(names)") {
      .text($0[keyPath: path].rawValue)
    } write: {
      guard let value = $1.text.flatMap(Value.init(rawValue:)) else { return false }
      $0[keyPath: path] = value
      return true
    }
  }

  /// A list of texts, each of which `isValid`.
  static func texts(
    _ key: String, _ path: Path<[String]>, expected: String, _ onResume: OnResume = .fixed,
    isValid: @escaping @Sendable (String) -> Bool
  ) -> Self {
    Self(key: key, onResume: onResume, expected: expected) {
      .list($0[keyPath: path])
    } write: {
      guard let texts = $1.texts, texts.allSatisfy(isValid) else { return false }
      $0[keyPath: path] = texts
      return true
    }
  }

  static func choices<Value: RawRepresentable<String> & CaseIterable & Hashable & Sendable>(
    _ key: String, _ path: Path<[Value]>, _ onResume: OnResume = .fixed
  ) -> Self {
    let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
    return Self(key: key, onResume: onResume, expected: "a list of \(names), each at most once") {
      .list($0[keyPath: path].map(\.rawValue))
    } write: {
      guard let texts = $1.texts else { return false }
      let values = texts.compactMap(Value.init(rawValue:))
      guard values.count == texts.count, Set(values).count == values.count else { return false }
      $0[keyPath: path] = values
      return true
    }
  }
}

/// Without the `.0` of a whole number.
private func brief(_ value: Double) -> String {
  Int(exactly: value).map(String.init) ?? value.description
}

/// A JSON string that a YAML reader takes for the same text: what either of them would trip over
/// (quotes, controls, the Unicode line ends and the byte order mark) is escaped.
private func quotedJSON(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\u{00}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}",
      "\u{FFFF}":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
