import Images

/// One line of a YOLO label file, in fractions of the image's width and height.
struct YOLOLabel {
  var classIndex: Int
  /// `x0, y0, x1, y1`
  var corners: SIMD4<Double>
  var isPolygon: Bool

  /// No coordinate of a label may be further from 0: a box reaches over the edge of its image by a
  /// little where it was drawn carelessly, never by a whole image.
  private static let furthest = 2.0

  /// Parses `class x y width height` or, with three points or more, `class x1 y1 x2 y2 …`, of which
  /// the bounding box is taken. `nil` for a blank line.
  ///
  /// - Parameter poses: is shown every row.
  // bounded: as many values as columns, 5 or an odd number from 7 on; the rest is doubles
  init?(
    _ line: ArraySlice<UInt8>, classCount: Int, place: @autoclosure () -> String,
    poses: inout PoseEvidence
  ) throws(DataError) {
    let columns = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0B || $0 == 0x0C }
    if columns.isEmpty { return nil }
    var values: [Double] = []
    for column in columns {
      let text = String(decoding: column, as: UTF8.self)
      guard let value = decimal(text) else {
        throw .badLabel(place: place(), reason: "'\(text.prefix(60))' is not a finite number")
      }
      values.append(value)
    }
    guard columns.count == 5 || (columns.count >= 7 && columns.count % 2 == 1) else {
      throw .badLabel(place: place(), reason: Self.columnsReason(values))
    }
    guard let index = Int(exactly: values[0]), (0..<classCount).contains(index) else {
      throw .badLabel(
        place: place(),
        reason: "class \(String(decoding: columns[0], as: UTF8.self)) is not one of the "
          + "\(classCount) classes (0 … \(classCount - 1))")
    }
    if let far = values.dropFirst().firstIndex(where: { abs($0) > Self.furthest }) {
      throw .badLabel(
        place: place(),
        reason: "'\(String(decoding: columns[far], as: UTF8.self))' looks like pixels or per cent, "
          + "YOLO labels are fractions of the image's width and height (0 … 1)")
    }
    poses.take(values, place: place())
    classIndex = index
    isPolygon = columns.count > 5
    if !isPolygon {
      guard values[3] >= 0 && values[4] >= 0 else {
        throw .badLabel(
          place: place(), reason: "the box has a negative size, \(values[3]) by \(values[4])")
      }
      corners = SIMD4(
        values[1] - values[3] / 2, values[2] - values[4] / 2, values[1] + values[3] / 2,
        values[2] + values[4] / 2)
    } else {
      corners = SIMD4(values[1], values[2], values[1], values[2])
      for i in stride(from: 3, to: values.count, by: 2) {
        corners[0] = min(corners[0], values[i])
        corners[1] = min(corners[1], values[i + 1])
        corners[2] = max(corners[2], values[i])
        corners[3] = max(corners[3], values[i + 1])
      }
    }
  }

  /// Why a row of so many columns is neither box nor polygon.
  private static func columnsReason(_ values: [Double]) -> String {
    let reason =
      "\(values.count) columns, expected 5 (class x y width height) or a polygon of 3 or more points"
    if values.count == 6 {
      return reason + "; a sixth column, such as a confidence, is not read: remove it"
    }
    if PoseRow(values, valuesPerPoint: 3) != nil {
      return reason + "; this looks like pose labels, a box and "
        + "\((values.count - 5) / 3) key points of 3 values, which are not read"
    }
    return reason
  }

  /// The label file of an image: the last `images` in its path becomes `labels`, the ending `.txt`.
  // bounded: a split that keeps empty parts gives at least one
  static func path(forPicture path: String) -> String {
    var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if let i = parts.dropLast().lastIndex(of: "images") { parts[i] = "labels" }
    parts[parts.count - 1] = FileSystem.stem(parts[parts.count - 1])
    return parts.joined(separator: "/") + ".txt"
  }

  /// 200,000 boxes; no image has as many.
  static let maximumByteCount = 16 << 20

  /// Reads the label file of an image of `size`. A file that is absent means: nothing to find.
  static func boxes(
    _ path: String, size: ImageSize, classCount: Int, reading: inout SampleReading,
    poses: inout PoseEvidence
  ) throws(DataError) -> [LabeledBox] {
    guard FileSystem.kind(path) != .absent else {
      reading.isLabelled = false
      return []
    }
    let bytes = try FileSystem.bytes(path, purpose: "the label file", limit: maximumByteCount)
    let (W, H) = (Double(size.width), Double(size.height))
    var intake = BoxIntake(size: size)
    for (i, line) in FileSystem.lines(bytes).enumerated() {
      let place = "\(path):\(i + 1)"
      guard
        let label = try YOLOLabel(line, classCount: classCount, place: place, poses: &poses)
      else { continue }
      if label.isPolygon { reading.polygonRows += 1 } else { reading.boxRows += 1 }
      // bounded: doubles
      intake.take(
        classIndex: label.classIndex, corners: label.corners * SIMD4(W, H, W, H), place: place,
        notes: &reading.notes)
    }
    return intake.boxes
  }
}
