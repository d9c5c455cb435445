/// Why a file of a run could not be written or gone on with.
public enum ReportError: Error, Hashable, Sendable, CustomStringConvertible {
  case cannotRead(file: String, reason: String)
  case cannotWrite(file: String, reason: String)
  /// A file to go on with has another first line than ours.
  case foreignHeader(file: String, found: String, expected: String)
  /// A row that is not one, its line counted from 1.
  case damagedRow(file: String, line: Int)

  public var description: String {
    switch self {
    case .cannotRead(let file, let reason):
      "\(file): cannot be read (\(reason)); check the run's folder and its permissions"
    case .cannotWrite(let file, let reason):
      "\(file): cannot be written (\(reason)); check the disk's space and the folder's permissions"
    case .damagedRow(let file, let line):
      "\(file), line \(line): not the fifteen numbers of an epoch, of which scores may be empty; remove the line, or resume the run, which writes it anew"
    case .foreignHeader(let file, let found, let expected):
      "\(file): the first line is `\(found)`, expected `\(expected)`; move the file away or resume in another run folder"
    }
  }
}
