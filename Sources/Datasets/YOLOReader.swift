extension DataSource {
  func readYOLO(_ split: Split, intake start: SampleIntake) throws(DataError) -> Dataset {
    let layout = try yoloLayout(split)
    var pictures: [String] = []
    for entry in layout.entries {
      pictures += try Self.pictures(entry, base: layout.base, saidBy: layout.saidBy)
    }
    var seen: Set<String> = []
    pictures = pictures.filter { seen.insert($0).inserted }
    guard !pictures.isEmpty else {
      throw .empty(
        path: layout.saidBy,
        reason: "its \(split.rawValue) split, \(layout.entries), has no pictures")
    }
    guard pictures.contains(where: { FileSystem.exists(YOLOLabel.path(forPicture: $0)) }) else {
      throw .missing(
        path: YOLOLabel.path(forPicture: pictures[0]),
        purpose: "the label file (nor that of any other picture of the split)")
    }
    var intake = start
    for (index, path) in pictures.enumerated() {
      try intake.add { (notes) throws(DataError) in
        let size = try start.size(ofPicture: path)
        let boxes = try YOLOLabel.boxes(
          YOLOLabel.path(forPicture: path), size: size, classCount: layout.classNames.count,
          notes: &notes)
        return Sample(imagePath: path, boxes: boxes, identifier: Int64(index), size: size)
      }
    }
    return Dataset(
      classNames: layout.classNames, samples: intake.samples, skipped: intake.skipped)
  }

  private struct Layout {
    var classNames: [String]
    var base: String
    var entries: [String]
    /// For the error: which file named the entries.
    var saidBy: String
  }

  private func yoloLayout(_ split: Split) throws(DataError) -> Layout {
    let yaml =
      FileSystem.isFolder(root)
      ? ["data.yaml", "data.yml", "dataset.yaml"].map { FileSystem.join(root, $0) }
        .first(where: FileSystem.exists) : root
    guard let yaml else {
      guard let classNames, !classNames.isEmpty else {
        throw .missing(
          path: FileSystem.join(root, "data.yaml"),
          purpose: "the data set's YAML file (and no class names are given in its place)")
      }
      let entry = entry(split) ?? (split == .train ? "images/train" : "images/val")
      return Layout(classNames: classNames, base: root, entries: [entry], saidBy: root)
    }
    let configuration = try YOLOConfiguration(path: yaml)
    if let entry = entry(split) {
      return Layout(
        classNames: configuration.classNames, base: configuration.base, entries: [entry],
        saidBy: yaml)
    }
    let entries = split == .train ? configuration.train : configuration.validation
    guard !entries.isEmpty else {
      throw .badConfiguration(
        path: yaml,
        reason: "'\(split == .train ? "train" : "val")' is missing: name the folder of its pictures"
      )
    }
    return Layout(
      classNames: configuration.classNames, base: configuration.base, entries: entries,
      saidBy: yaml)
  }

  /// The pictures an entry stands for: a folder with all below it, or a text file of one path a
  /// line.
  private static func pictures(
    _ entry: String, base: String, saidBy: String
  ) throws(DataError) -> [String] {
    var path = FileSystem.join(base, entry)
    if !FileSystem.exists(path), entry.hasPrefix("../") {
      // Some exporters write `../train/images` for a folder that lies beside the YAML file.
      path = FileSystem.join(base, String(entry.dropFirst(3)))
    }
    guard FileSystem.exists(path) else {
      throw .missing(
        path: FileSystem.join(base, entry), purpose: "what \(saidBy) names as '\(entry)'")
    }
    if FileSystem.isFolder(path) { return FileSystem.pictures(under: path) }
    let list = FileSystem.lines(try FileSystem.bytes(path, purpose: "the list of pictures"))
    return list.compactMap { line in
      let text = String(decoding: line, as: UTF8.self).trimmed
      if text.isEmpty { return nil }
      // `./` means beside the list; anything else is relative to the data set.
      return text.hasPrefix("./")
        ? FileSystem.join(FileSystem.parent(path), String(text.dropFirst(2)))
        : FileSystem.join(base, text)
    }
  }
}

extension String {
  /// Without blanks and tabs at both ends.
  var trimmed: String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }
}
