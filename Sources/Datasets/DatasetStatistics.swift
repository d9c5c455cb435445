import Images
import Texts

/// What a data set consists of, for people (`text`) and programs (`Codable`).
public struct DatasetStatistics: Hashable, Sendable, Codable {
  public struct ClassCount: Hashable, Sendable, Codable {
    public var name: String
    public var boxCount: Int
    /// Pictures with at least one box of the class.
    public var pictureCount: Int
  }

  public var pictureCount: Int
  /// Pictures without a box.
  public var backgroundCount: Int
  public var boxCount: Int
  public var ignoredBoxCount: Int
  public var classes: [ClassCount]
  /// Boxes of up to 32² pixels, of up to 96², and larger, in the original pictures, as COCO counts.
  public var smallBoxCount: Int
  public var mediumBoxCount: Int
  public var largeBoxCount: Int
  public var largestBoxesPerPicture: Int
  /// The smallest and the largest width and height; zeros if no size is known.
  public var smallestWidth: Int
  public var largestWidth: Int
  public var smallestHeight: Int
  public var largestHeight: Int
  /// The median of √area of a box relative to its picture's longer side.
  public var medianRelativeSize: Float
  public var mendedCount: Int
  public var skippedCount: Int
  /// What was mended or left out, in the order of the files.
  public var items: [SkippedItem]
  /// Which images have labels, what the rows were, what was passed over.
  public var reading: ReadingReport

  public init(_ dataset: Dataset) {
    let samples = dataset.samples
    pictureCount = samples.count
    backgroundCount = samples.count { $0.boxes.isEmpty }
    boxCount = samples.reduce(0) { $0 + $1.boxes.count }
    ignoredBoxCount = samples.reduce(0) { $0 + $1.ignoredBoxes.count }
    classes = dataset.classNames.map { ClassCount(name: $0, boxCount: 0, pictureCount: 0) }
    (smallBoxCount, mediumBoxCount, largeBoxCount) = (0, 0, 0)
    largestBoxesPerPicture = samples.map(\.boxes.count).max() ?? 0
    var relativeSizes: [Float] = []
    for sample in samples {
      for box in sample.boxes {
        classes[box.classIndex].boxCount += 1
        switch box.area {
        case ...1024: smallBoxCount += 1
        case ...9216: mediumBoxCount += 1
        default: largeBoxCount += 1
        }
        if let size = sample.size {
          relativeSizes.append(box.area.squareRoot() / Float(max(size.width, size.height)))
        }
      }
      for index in Set(sample.boxes.map(\.classIndex)) { classes[index].pictureCount += 1 }
    }
    let sizes = samples.compactMap(\.size)
    smallestWidth = sizes.map(\.width).min() ?? 0
    largestWidth = sizes.map(\.width).max() ?? 0
    smallestHeight = sizes.map(\.height).min() ?? 0
    largestHeight = sizes.map(\.height).max() ?? 0
    medianRelativeSize =
      relativeSizes.isEmpty ? 0 : relativeSizes.sorted()[relativeSizes.count / 2]
    items = dataset.skipped
    reading = dataset.report
    mendedCount = items.count { $0.kind == .mended }
    skippedCount = items.count { $0.kind == .skipped }
  }

  /// Lines for a terminal, without a trailing line end.
  ///
  /// - Parameter itemLimit: how many of the mended and skipped items are listed.
  public func text(itemLimit: Int = 20) -> String {
    var lines = [
      "images      \(pictureCount), \(backgroundCount) of them without a box",
      "sizes       \(smallestWidth)…\(largestWidth) x \(smallestHeight)…\(largestHeight) pixels",
      "boxes       \(boxCount), at most \(largestBoxesPerPicture) in an image; "
        + "\(ignoredBoxCount) regions to ignore",
      "box sizes   \(smallBoxCount) small, \(mediumBoxCount) medium, \(largeBoxCount) large; "
        + "median \(Int((medianRelativeSize * 1000).rounded()))/1000 of the image's longer side",
    ]
    for (i, entry) in classes.enumerated() {
      lines.append(
        "class \(i)     \(entry.name): \(entry.boxCount) boxes in \(entry.pictureCount) images")
    }
    for (i, line) in reading.lines.enumerated() {
      lines.append((i == 0 ? "labels      " : "            ") + line)
    }
    lines.append("mended      \(mendedCount)")
    lines.append("skipped     \(skippedCount)")
    for item in items.prefix(itemLimit) {
      lines.append("  \(item.kind.rawValue)  \(item.place): \(item.reason)")
    }
    if items.count > itemLimit { lines.append("  … and \(items.count - itemLimit) more") }
    return lines.map(printable).joined(separator: "\n")
  }
}

extension DataSource {
  /// Reads a split, decodes every image, and tells what there is and what is bad; of a split whose
  /// images are all bad too.
  ///
  /// - Throws: only what makes the whole split unreadable.
  public func check(_ split: Split) throws(DataError) -> DatasetStatistics {
    DatasetStatistics(try readAll(split))
  }

  /// The data set that `check` is about; it may be empty.
  public func readAll(_ split: Split) throws(DataError) -> Dataset {
    try readWhatIsUsable(split, skipBad: true, decodingAll: true)
  }
}
