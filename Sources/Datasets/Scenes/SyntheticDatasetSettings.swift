import Foundation
import Images

/// What decides every byte of a synthetic data set, and how it is recognised on disk.
struct SyntheticDatasetSettings: Equatable {
  var kind: SceneKind
  var images: Int
  var validationImages: Int
  var seed: UInt64
  var size: ImageSize

  static let fileName = "synthetic.json"

  /// The settings with the drawing's revision, as the text of `synthetic.json`. Two sets are the
  /// same if these texts are.
  var json: String {
    """
    {
      "revision": \(SceneGenerator.revision),
      "kind": "\(kind.rawValue)",
      "images": \(images),
      "validationImages": \(validationImages),
      "seed": \(seed),
      "width": \(size.width),
      "height": \(size.height)
    }

    """
  }

  /// Without validation pictures, the training pictures serve for both.
  var dataYAML: String {
    let names = kind.classNames.enumerated().map { "  \($0.offset): \($0.element)\n" }.joined()
    return """
      # Drawn scenes: \(kind.rawValue), seed \(seed).
      train: images/train
      val: images/\(validationImages > 0 ? "val" : "train")
      nc: \(kind.classNames.count)
      names:

      """ + names
  }

  /// True for a complete set with these settings at `path`; false if there is nothing or an empty
  /// folder.
  ///
  /// - Throws: `folderTaken` if something else is there.
  func isComplete(at path: String) throws(SyntheticDatasetError) -> Bool {
    let files = FileManager.default
    var isFolder: ObjCBool = false
    guard files.fileExists(atPath: path, isDirectory: &isFolder) else { return false }
    guard isFolder.boolValue else {
      throw .folderTaken(path: path, reason: "a file of this name exists where a folder is to go")
    }
    guard let content = try? files.contentsOfDirectory(atPath: path) else {
      throw .folderTaken(path: path, reason: "the folder cannot be read")
    }
    if content.isEmpty { return false }
    guard let bytes = files.contents(atPath: path + "/" + Self.fileName) else {
      throw .folderTaken(
        path: path, reason: "the folder is not empty and holds no synthetic data set")
    }
    guard Array(bytes) == Array(json.utf8) else {
      throw .folderTaken(
        path: path, reason: "the folder holds a synthetic data set with other settings")
    }
    for (split, count) in [("train", images), ("val", validationImages)] {
      for (part, ending) in [("images", ".jpg"), ("labels", ".txt")] {
        let folder = "\(part)/\(split)"
        let names = (try? files.contentsOfDirectory(atPath: path + "/" + folder)) ?? []
        let present = names.count { $0.hasSuffix(ending) }
        guard present == count else {
          throw .folderTaken(
            path: path,
            reason: "the synthetic data set in it is damaged: \(present) of \(count) files in "
              + folder)
        }
      }
    }
    guard files.fileExists(atPath: path + "/data.yaml") else {
      throw .folderTaken(
        path: path, reason: "the synthetic data set in it is damaged: data.yaml is missing")
    }
    return true
  }
}
