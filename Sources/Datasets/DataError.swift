public import Images

/// Why a data set could not be read. Each description names the file, and the line or key.
public enum DataError: Error, Equatable, CustomStringConvertible {
  /// A file or folder the data set must have.
  case missing(path: String, purpose: String)
  /// data.yaml, or the recipe's data section, says something that cannot be used.
  case badConfiguration(path: String, reason: String)
  /// A line of a label file. `place` is `file:line`.
  case badLabel(place: String, reason: String)
  /// An annotation file that contradicts itself or the images.
  case badAnnotations(path: String, reason: String)
  /// An image that cannot be used.
  case badPicture(ImageError)
  /// The split holds nothing to train on.
  case empty(path: String, reason: String)

  public var description: String {
    switch self {
    case .missing(let path, let purpose):
      "\(path): \(purpose) is not there; check the data folder and the recipe's data section."
    case .badConfiguration(let path, let reason), .badAnnotations(let path, let reason):
      "\(path): \(reason)."
    case .badLabel(let place, let reason):
      "\(place): \(reason); correct the line, or skip bad data."
    case .badPicture(let error): error.description
    case .empty(let path, let reason): "\(path): \(reason)."
    }
  }

  /// As an entry of `Dataset.skipped`.
  var asSkipped: SkippedItem {
    switch self {
    case .missing(let path, let purpose):
      SkippedItem(.skipped, place: path, reason: "\(purpose) is not there")
    case .badConfiguration(let path, let reason), .badAnnotations(let path, let reason),
      .empty(let path, let reason), .badLabel(let path, let reason):
      SkippedItem(.skipped, place: path, reason: reason)
    case .badPicture(let error):
      SkippedItem(.skipped, place: error.path, reason: error.explanation)
    }
  }
}
