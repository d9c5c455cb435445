public import Images

/// One picture of a data set with what is to be found in it.
public struct Sample: Sendable {
  public var imagePath: String
  /// What a detector should find, in pixels of the picture as it is shown (after EXIF orientation).
  public var boxes: [LabeledBox]
  /// Regions where a detection is neither right nor wrong (COCO's crowds); no training boxes.
  public var ignoredBoxes: [LabeledBox]
  /// The COCO image id; for other formats the position in the data set.
  public var identifier: Int64
  /// The picture's size as it is shown, if the reader learned it.
  public var size: ImageSize?

  public init(
    imagePath: String, boxes: [LabeledBox], ignoredBoxes: [LabeledBox] = [], identifier: Int64,
    size: ImageSize? = nil
  ) {
    self.imagePath = imagePath
    self.boxes = boxes
    self.ignoredBoxes = ignoredBoxes
    self.identifier = identifier
    self.size = size
  }
}

/// What was mended or left out while a data set was read, and why.
public struct SkippedItem: Hashable, Sendable, Codable {
  public enum Kind: String, Hashable, Sendable, Codable {
    /// A box was clipped or dropped; the picture stays. Happens in any case.
    case mended
    /// The whole picture was left out. Happens only when the reader was told to skip what is bad.
    case skipped
  }

  public var kind: Kind
  /// The file, and the line or annotation where there is one.
  public var place: String
  public var reason: String

  public init(_ kind: Kind, place: String, reason: String) {
    self.kind = kind
    self.place = place
    self.reason = reason
  }
}

/// The pictures of one split, in an order that depends on the files alone.
public struct Dataset: Sendable {
  public var classNames: [String]
  /// The ids that a COCO file gives the classes; `nil` for other formats.
  public var categoryIdentifiers: [Int64]?
  public var samples: [Sample]
  /// What was mended or left out, in the order of the files.
  public var skipped: [SkippedItem]
  /// What the reader found and passed over.
  public var report: ReadingReport

  public init(
    classNames: [String], categoryIdentifiers: [Int64]? = nil, samples: [Sample],
    skipped: [SkippedItem] = [], report: ReadingReport = ReadingReport()
  ) {
    self.classNames = classNames
    self.categoryIdentifiers = categoryIdentifiers
    self.samples = samples
    self.skipped = skipped
    self.report = report
  }
}
