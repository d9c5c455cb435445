/// Why a COCO file cannot be scored. The description is one sentence for the user.
public enum COCOError: Error, Hashable, CustomStringConvertible {
  /// The file cannot be opened or read.
  case unreadable(file: String, reason: String)
  /// The file is not JSON.
  case notJSON(file: String, reason: String)
  /// An entry (`annotations[12].bbox`) is not what the format says.
  case badEntry(file: String, entry: String, problem: String)
  /// Two entries of a list have the same id.
  case repeatedID(file: String, entry: String, id: Int64)
  /// An entry names an image or category that the ground truth does not have.
  case unknownReference(file: String, entry: String, kind: String, id: Int64)

  public var description: String {
    switch self {
    case .unreadable(let file, let reason):
      "\(file) cannot be read (\(reason)); give the path of a COCO JSON file."
    case .notJSON(let file, let reason):
      "\(file) is not valid JSON: \(reason)."
    case .badEntry(let file, let entry, let problem):
      "\(file): \(entry.isEmpty ? "the top level" : entry) \(problem)."
    case .repeatedID(let file, let entry, let id):
      "\(file): \(entry) repeats the id \(id); ids must differ within a list."
    case .unknownReference(let file, let entry, let kind, let id):
      "\(file): \(entry) refers to \(kind) \(id), which the ground truth does not have."
    }
  }
}
