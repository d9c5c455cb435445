/// Why weights could not be read from a file.
public enum WeightFileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The operating system refused; `doing` says what, `reason` is its own text.
  case system(path: String, doing: String, reason: String)
  /// The file is not what its format says. `found` names the place and what stands there.
  case damaged(file: String, found: String, expected: String)
  /// The file is whole, but holds what this program does not read; `advice` says what to do.
  case unsupported(file: String, found: String, advice: String)
  /// The file asks for more than this reader gives.
  case limit(file: String, found: String, limit: String)
  /// The file holds no tensor of this name.
  case noTensor(file: String, name: String)

  public var description: String {
    switch self {
    case .system(let path, let doing, let reason):
      "cannot \(doing) \(path): \(reason)"
    case .damaged(let file, let found, let expected):
      "\(file) is damaged: \(found), expected \(expected)"
    case .unsupported(let file, let found, let advice):
      "\(file) cannot be used: \(found); \(advice)"
    case .limit(let file, let found, let limit):
      "\(file) is refused: \(found), the limit is \(limit)"
    case .noTensor(let file, let name):
      "\(file) holds no tensor named \(quoted(name))"
    }
  }
}

/// Text from a file as it may stand in a sentence: in quotes, no control characters, not too long.
func quoted(_ text: String) -> String {
  var result = "\""
  for (index, scalar) in text.unicodeScalars.enumerated() {
    if index == 80 {
      result += "…"
      break
    }
    let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
  }
  return result + "\""
}
