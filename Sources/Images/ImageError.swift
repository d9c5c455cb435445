/// Why a picture could not be read or written. Each description names the file.
public enum ImageError: Error, Equatable, CustomStringConvertible {
  /// The file could not be opened or read.
  case unreadable(path: String, reason: String)
  /// The first bytes are neither JPEG's nor PNG's.
  case unknownFormat(path: String)
  /// The file is cut off or its contents contradict themselves.
  case damaged(path: String, reason: String)
  /// A legal file of a kind that is not read here.
  case unsupported(path: String, kind: String)
  /// The declared size is beyond the limit; nothing was allocated.
  case tooLarge(path: String, width: Int, height: Int)
  /// The picture could not be turned into bytes of the format.
  case notEncodable(format: String, reason: String)
  /// The file could not be written.
  case unwritable(path: String, reason: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "\(path): the picture cannot be read (\(reason)); check the path and its permissions."
    case .unknownFormat(let path):
      "\(path): not a picture: its first bytes are neither JPEG's nor PNG's; convert or remove it."
    case .damaged(let path, let reason):
      "\(path): the picture is damaged (\(reason)); restore or remove the file."
    case .unsupported(let path, let kind):
      "\(path): \(kind) is not supported; convert the file to baseline JPEG or PNG."
    case .tooLarge(let path, let width, let height):
      "\(path): declares \(width)x\(height) pixels, more than the limit of "
        + "\(ImageSize.maximumPixelCount) pixels or \(ImageSize.maximumSide) a side; "
        + "shrink or remove the file."
    case .notEncodable(let format, let reason):
      "The picture cannot be written as \(format): \(reason)."
    case .unwritable(let path, let reason):
      "\(path): the picture cannot be written (\(reason)); check the folder and the free space."
    }
  }
}
