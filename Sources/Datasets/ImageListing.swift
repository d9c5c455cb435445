import Images

/// The images in a folder, found by first bytes where the name does not say what a file is.
struct ImageListing {
  private(set) var images: [String] = []
  /// Texts that lie among them: labels, or not.
  private(set) var texts: [String] = []

  /// All images in `folder` and below. What is passed over is counted in `report` by kind.
  ///
  /// Kinds that everybody takes for images are listed though they cannot be decoded: to leave them
  /// out would hide a part of the data, so each is refused by name later. A file of another kind is
  /// an image if it begins as a JPEG or PNG does, and counted else.
  init(_ folder: String, report: inout ReadingReport) throws(DataError) {
    let walk = try FolderWalk(folder)
    for path in walk.files {
      let ending = FileSystem.ending(path)
      if Self.imageEndings.contains(ending) {
        images.append(path)
      } else if ending == "txt" {
        texts.append(path)
      } else if !Self.otherEndings.contains(ending), let kind = ImageKind(path: path) {
        if kind.isRead {
          images.append(path)
        } else {
          report.passOver(ending.isEmpty ? kind.rawValue : ".\(ending)", path)
        }
      } else {
        report.passOver(ending.isEmpty ? "without an ending" : ".\(ending)", path)
      }
    }
    for name in walk.hiddenFiles where Self.imageEndings.contains(FileSystem.ending(name)) {
      report.passOver("hidden", name)
    }
    for path in walk.unreadableNames {
      report.passOver("with a name that is not UTF-8", path)
    }
    for path in walk.brokenLinks { report.passOver("links to nothing", path) }
    for path in walk.passedLinks {
      report.find("links to folders that are read already, not followed", path)
    }
  }

  private static let imageEndings: Set<String> = [
    "jpg", "jpeg", "jpe", "png", "bmp", "gif", "tif", "tiff", "webp",
  ]

  /// Known to be something else; nothing of them is read.
  private static let otherEndings: Set<String> = [
    "json", "xml", "yaml", "yml", "csv", "cache", "npy", "npz", "md", "html", "zip", "tar", "gz",
    "mp4", "avi", "mov", "mkv", "pt", "onnx", "names", "data", "cfg", "log", "py", "sh",
  ]
}
