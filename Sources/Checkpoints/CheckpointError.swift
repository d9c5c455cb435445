/// Why a checkpoint could not be written or read.
public enum CheckpointError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The operating system refused; `doing` says what, `reason` is its own text.
  case system(path: String, doing: String, reason: String)
  /// The disk has too little room.
  case noSpace(path: String, neededByteCount: Int, availableByteCount: Int)
  /// A file is not what the format says. `found` names the place and what stands there.
  case damaged(file: String, found: String, expected: String)
  /// The manifest has a version this program does not know.
  case version(file: String, found: String, known: Int)
  /// The folder holds no such tensor.
  case noTensor(path: String, name: String, role: String)
  /// The step is already saved, whole, with other tensors.
  case conflict(path: String, difference: String)
  /// The manifest lists a file, but bytes beyond what this reader accepts.
  case limit(file: String, found: String, limit: String)
  /// A file format cannot hold what was asked for.
  case unsuitable(path: String, reason: String)
  /// Another process that shares in writing a checkpoint has failed.
  case share(path: String, index: Int, reason: String)
  /// Another process works on the run.
  case locked(path: String, owner: String)
  /// The run has no checkpoint that passes verification.
  case noCheckpoint(path: String, skipped: [String])
  /// zstd refused to set up; a compression level out of range, for example.
  case compression(String)

  public var description: String {
    switch self {
    case .system(let path, let doing, let reason):
      "cannot \(doing) \(path): \(reason)"
    case .noSpace(let path, let needed, let available):
      "not enough disk space for a checkpoint in \(path): \(byteText(needed)) are needed, "
        + "\(byteText(available)) are free; free some space or choose another run folder"
    case .damaged(let file, let found, let expected):
      "\(file) is damaged: \(found), expected \(expected)"
    case .version(let file, let found, let known):
      "\(file) has format version \(found), but this program reads versions up to \(known): "
        + "use the program that wrote it, or a newer one"
    case .noTensor(let path, let name, let role):
      "\(path) holds no tensor \"\(name)\" with the role \"\(role)\""
    case .conflict(let path, let difference):
      "\(path) already holds a complete checkpoint with other contents (\(difference)): "
        + "choose another run folder, or move that checkpoint away"
    case .limit(let file, let found, let limit):
      "\(file) is refused: \(found), the limit is \(limit)"
    case .unsuitable(let path, let reason):
      "\(path) cannot be written: \(reason)"
    case .share(let path, let index, let reason):
      "rank \(index) did not deliver its part of \(path): \(reason)"
    case .locked(let path, let owner):
      "\(path) is in use by \(owner): wait until it ends, or choose another run folder"
    case .noCheckpoint(let path, let skipped):
      skipped.isEmpty
        ? "\(path) holds no checkpoint"
        : "\(path) holds no checkpoint that is whole: " + skipped.joined(separator: "; ")
    case .compression(let reason):
      reason
    }
  }
}

/// A count of bytes for people: `512 B`, `1.5 KiB`, `12.1 MiB`.
func byteText(_ count: Int) -> String {
  guard count >= 1024 else { return "\(count) B" }
  var value = Double(count)
  var unit = ""
  for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
    value /= 1024
    unit = next
  }
  return fixed(value, decimals: 1) + " " + unit
}

/// `value` with a fixed number of decimals, rounded half away from zero.
func fixed(_ value: Double, decimals: Int) -> String {
  guard value.isFinite, abs(value) < 1e15 else { return value.description }
  var factor = 1
  for _ in 0..<decimals { factor *= 10 }
  let scaled = Int((abs(value) * Double(factor)).rounded())
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard decimals > 0 else { return sign + String(scaled) }
  return sign + String(scaled / factor) + "." + padded(scaled % factor, digits: decimals)
}

/// A number with leading zeros.
func padded(_ value: Int, digits: Int) -> String {
  let text = String(value)
  return String(repeating: "0", count: max(digits - text.utf8.count, 0)) + text
}
