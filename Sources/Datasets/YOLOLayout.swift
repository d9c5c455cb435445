/// Where a YOLO data set says that a split lies.
struct YOLOLayout {
  var classNames: [String]
  var base: String
  /// Folders of images or list files, relative to `base`.
  var entries: [String]
  /// For the error: which file named the entries.
  var saidBy: String
  /// See `YOLOConfiguration.absentBase`.
  var absentBase: String?

  init(_ source: DataSource, _ split: DataSource.Split) throws(DataError) {
    let root = source.root
    let yaml =
      FileSystem.isFolder(root)
      ? ["data.yaml", "data.yml", "dataset.yaml"].map { FileSystem.join(root, $0) }
        .first(where: FileSystem.exists) : root
    guard let yaml else {
      guard let classNames = source.classNames, !classNames.isEmpty else {
        throw .missing(
          path: FileSystem.join(root, "data.yaml"),
          purpose: "the data set's YAML file (and no class names are given in its place)")
      }
      try ClassNames.check(classNames, key: "names", path: root)
      self.classNames = classNames
      base = root
      entries = [source.entry(split) ?? (split == .train ? "images/train" : "images/val")]
      saidBy = root
      return
    }
    let configuration = try YOLOConfiguration(path: yaml)
    classNames = configuration.classNames
    base = configuration.base
    saidBy = yaml
    absentBase = configuration.absentBase
    if let entry = source.entry(split) {
      entries = [entry]
      return
    }
    entries = split == .train ? configuration.train : configuration.validation
    guard !entries.isEmpty else {
      throw .badConfiguration(
        path: yaml,
        reason: "'\(split == .train ? "train" : "val")' is missing: name the folder of its images")
    }
  }
}

/// The images of a split as its folders and lists name them.
struct YOLOListing {
  private(set) var images: [String] = []
  /// The entries that are folders.
  private(set) var folders: [String] = []
  /// Texts that lie among the images.
  private(set) var texts: [String] = []

  /// Nine million lines; a longer list names no images.
  static let maximumListByteCount = 512 << 20
  /// A list of blank lines takes over thirty times its bytes while it is taken apart.
  static let maximumLineCount = 10_000_000

  init(_ layout: YOLOLayout, report: inout ReadingReport) throws(DataError) {
    if let absent = layout.absentBase {
      report.find(
        "folders named by 'path' that are not there, the YAML file's own taken", absent)
    }
    for entry in layout.entries { try add(entry, layout, report: &report) }
  }

  /// Adds the images an entry stands for: a folder with all below it, or a text file of one path a
  /// line.
  private mutating func add(
    _ entry: String, _ layout: YOLOLayout, report: inout ReadingReport
  ) throws(DataError) {
    var path = FileSystem.resolve(entry, in: layout.base).path
    if !FileSystem.exists(path), entry.hasPrefix("../") {
      // Some exporters write `../train/images` for a folder that lies beside the YAML file.
      path = FileSystem.join(layout.base, String(entry.dropFirst(3)))
    }
    guard FileSystem.exists(path) else {
      throw .missing(
        path: FileSystem.join(layout.base, entry),
        purpose: "what \(layout.saidBy) names as '\(entry)'")
    }
    // bounded: joins
    if FileSystem.isFolder(path) {
      let listing = try ImageListing(path, report: &report)
      images += listing.images
      texts += listing.texts
      folders.append(path)
      return
    }
    let bytes = try FileSystem.bytes(
      path, purpose: "the list of images", limit: Self.maximumListByteCount)
    // Both kinds of line ends are counted apart, for CRLF is one.
    for end: UInt8 in [0x0A, 0x0D] {
      guard bytes.count(where: { $0 == end }) <= Self.maximumLineCount else {
        throw .badConfiguration(
          path: path,
          reason: "the list of images has more lines than the limit of \(Self.maximumLineCount)")
      }
    }
    for (i, line) in FileSystem.lines(bytes).enumerated() {
      guard let text = String(validating: line, as: UTF8.self)?.trimmed, !text.utf8.contains(0)
      else {
        throw .badConfiguration(
          path: "\(path):\(i + 1)", reason: "the line is not UTF-8 text, so it names no file")
      }
      if text.isEmpty { continue }
      // `./` means beside the list; anything else is relative to the data set.
      let (image, isMended) =
        text.hasPrefix("./")
        ? FileSystem.resolve(String(text.dropFirst(2)), in: FileSystem.parent(path))
        : FileSystem.resolve(text, in: layout.base)
      if isMended { report.find("file names with '\\' read as '/'", text) }
      images.append(image)
    }
  }

  /// Takes out of `images` what was there before, or counts it, and says so.
  mutating func settleRepeats(keeping isKept: Bool, report: inout ReadingReport) {
    var seen: Set<[UInt8]> = []
    let phrase =
      isKept
      ? "images listed again, each time counts"
      : "images listed again, left out since an image is validated once"
    images = images.filter { image in
      if seen.insert(FileSystem.key(image)).inserted { return true }
      report.find(phrase, image)
      return isKept
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
