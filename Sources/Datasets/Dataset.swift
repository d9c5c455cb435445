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

/// What was left out or mended while a data set was read, and why.
public struct SkippedItem: Hashable, Sendable, Codable {
  /// The file, and the line where there is one.
  public var place: String
  /// One sentence.
  public var reason: String

  public init(place: String, reason: String) {
    self.place = place
    self.reason = reason
  }
}

/// The pictures of one split, in an order that depends on the files alone.
public struct Dataset: Sendable {
  public var classNames: [String]
  public var samples: [Sample]
  /// Empty unless the reader was told to skip what is bad.
  public var skipped: [SkippedItem]

  public init(classNames: [String], samples: [Sample], skipped: [SkippedItem] = []) {
    self.classNames = classNames
    self.samples = samples
    self.skipped = skipped
  }
}
