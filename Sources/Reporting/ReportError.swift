/// Why a file of a run could not be written or gone on with.
public enum ReportError: Error, Hashable, Sendable, CustomStringConvertible {
  case cannotRead(file: String, reason: String)
  case cannotWrite(file: String, reason: String)
  /// A file to go on with has another first line than ours.
  case foreignHeader(file: String, found: String, expected: String)

  public var description: String {
    switch self {
    case .cannotRead(let file, let reason):
      "\(file): cannot be read (\(reason)); check the run's folder and its permissions"
    case .cannotWrite(let file, let reason):
      "\(file): cannot be written (\(reason)); check the disk's space and the folder's permissions"
    case .foreignHeader(let file, let found, let expected):
      "\(file): the first line is `\(found)`, expected `\(expected)`; move the file away or resume in another run folder"
    }
  }
}
