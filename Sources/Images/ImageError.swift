/// Why an image could not be read or written. Each description names the file.
public enum ImageError: Error, Equatable, CustomStringConvertible {
  /// The file could not be opened or read.
  case unreadable(path: String, reason: String)
  /// The first bytes are neither JPEG's nor PNG's; `kind` is what they are, where that is known.
  case unknownFormat(path: String, kind: String?)
  /// The file is cut off or its contents contradict themselves.
  case damaged(path: String, reason: String)
  /// A legal file of a kind that is not read here.
  case unsupported(path: String, kind: String)
  /// The declared size is beyond the limit; nothing was allocated.
  case tooLarge(path: String, width: Int, height: Int)
  /// The file is longer than the limit; nothing was read.
  case tooManyBytes(path: String, byteCount: Int)
  /// The image could not be turned into bytes of the format.
  case notEncodable(format: String, reason: String)
  /// The file could not be written.
  case unwritable(path: String, reason: String)

  public var description: String {
    switch self {
    case .notEncodable(let format, let reason):
      "The image cannot be written as \(format): \(reason)."
    default: "\(path): \(explanation)."
    }
  }

  /// The file; for `notEncodable` the format.
  public var path: String {
    switch self {
    case .unreadable(let path, _), .unknownFormat(let path, _), .damaged(let path, _),
      .unsupported(let path, _), .tooLarge(let path, _, _), .tooManyBytes(let path, _),
      .unwritable(let path, _):
      path
    case .notEncodable(let format, _): format
    }
  }

  /// The description without the path and the full stop.
  public var explanation: String {
    switch self {
    case .unreadable(_, let reason):
      "the image cannot be read (\(reason)); check the path and its permissions"
    case .unknownFormat(_, let kind?):
      "not an image that is read: it holds \(kind), not JPEG or PNG; convert or remove it"
    case .unknownFormat(_, nil):
      "not an image: its first bytes are neither JPEG's nor PNG's; convert or remove it"
    case .damaged(_, let reason):
      "the image is damaged (\(reason)); restore or remove the file"
    case .unsupported(_, let kind):
      "\(kind) is not supported; convert the file to baseline JPEG or PNG"
    case .tooLarge(_, let width, let height):
      "declares \(width)x\(height) pixels, more than the limit of "
        + "\(ImageSize.maximumPixelCount) pixels or \(ImageSize.maximumSide) a side; "
        + "shrink or remove the file"
    case .tooManyBytes(_, let byteCount):
      "has \(byteCount) bytes, more than the limit of \(ImageFile.maximumByteCount) for an image; "
        + "shrink or remove the file"
    case .notEncodable(_, let reason): "it cannot be written: \(reason)"
    case .unwritable(_, let reason):
      "the image cannot be written (\(reason)); check the folder and the free space"
    }
  }
}
