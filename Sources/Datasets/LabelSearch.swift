/// Label files that lie where they are not looked for, and such as no image has.
enum LabelSearch {
  /// A file that is perhaps meant as the labels of an image that has none at `labelPath`: beside the
  /// image, in a folder `labels` near it, or spelled another way.
  static func nearMiss(image: String, labelPath: String) -> String? {
    let folder = FileSystem.parent(image)
    let name = FileSystem.name(image)
    let stem = FileSystem.stem(name)
    let around = FileSystem.parent(folder)
    var folders: [String] = []
    for candidate in [
      FileSystem.parent(labelPath), folder, "\(folder)/labels", "\(around)/labels",
      "\(around)/labels/\(FileSystem.name(folder))",
    ] where !folders.contains(candidate) && FileSystem.isFolder(candidate) {
      folders.append(candidate)
    }
    for folder in folders {
      for file in ["\(stem).txt", "\(stem).TXT", "\(stem).Txt", "\(name).txt"] {
        let path = FileSystem.join(folder, file)
        if path != labelPath, FileSystem.kind(path) == .file { return path }
      }
    }
    for folder in folders {
      for ending in ["xml", "json"] {
        let path = FileSystem.join(folder, "\(stem).\(ending)")
        if FileSystem.kind(path) == .file { return path }
      }
    }
    return nil
  }

  /// The texts that lie among the labels of the images in `folder` and are none of theirs.
  static func orphans(
    ofImagesIn folder: String, labelPaths: Set<[UInt8]>
  ) throws(DataError) -> [String] {
    let labelRoot = FileSystem.parent(YOLOLabel.path(forPicture: FileSystem.join(folder, "x")))
    guard labelRoot != folder, FileSystem.isFolder(labelRoot) else { return [] }
    return try FolderWalk(labelRoot).files.filter { path in
      isLabel(path) && !labelPaths.contains(FileSystem.key(path))
    }
  }

  private static let otherTexts: Set<String> = [
    "classes.txt", "labels.txt", "notes.txt", "train.txt", "val.txt", "valid.txt",
    "validation.txt", "test.txt", "trainval.txt",
  ]

  /// Whether a text may be a label file; what labelling programs write beside them and lists are none.
  static func isLabel(_ path: String) -> Bool {
    let name = FileSystem.name(path).lowercased()
    return name.hasSuffix(".txt") && !otherTexts.contains(name) && !name.hasPrefix("readme")
  }
}
