import Images

/// One line of a YOLO label file, in fractions of the picture's width and height.
struct YOLOLabel {
  var classIndex: Int
  /// `x0, y0, x1, y1`
  var corners: SIMD4<Double>

  /// Parses `class x y width height` or, with three points or more, `class x1 y1 x2 y2 …`, of which
  /// the bounding box is taken. `nil` for a blank line.
  init?(
    _ line: ArraySlice<UInt8>, classCount: Int, place: @autoclosure () -> String
  ) throws(DataError) {
    let columns = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0B || $0 == 0x0C }
    if columns.isEmpty { return nil }
    guard columns.count == 5 || (columns.count >= 7 && columns.count % 2 == 1) else {
      throw .badLabel(
        place: place(),
        reason:
          "\(columns.count) columns, expected 5 (class x y width height) or a polygon of 3 or "
          + "more points")
    }
    var values: [Double] = []
    for column in columns {
      let text = String(decoding: column, as: UTF8.self)
      guard let value = Double(text), value.isFinite else {
        throw .badLabel(place: place(), reason: "'\(text)' is not a finite number")
      }
      values.append(value)
    }
    guard let index = Int(exactly: values[0]), (0..<classCount).contains(index) else {
      throw .badLabel(
        place: place(),
        reason: "class \(String(decoding: columns[0], as: UTF8.self)) is not one of the "
          + "\(classCount) classes (0 … \(classCount - 1))")
    }
    classIndex = index
    if columns.count == 5 {
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

  /// The label file of a picture: the last `images` in its path becomes `labels`, the ending
  /// `.txt`.
  static func path(forPicture path: String) -> String {
    var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if let i = parts.dropLast().lastIndex(of: "images") { parts[i] = "labels" }
    let name = parts[parts.count - 1]
    if let dot = name.lastIndex(of: "."), dot != name.startIndex {
      parts[parts.count - 1] = String(name[..<dot])
    }
    return parts.joined(separator: "/") + ".txt"
  }

  /// Reads the label file of a picture of `size`. A file that is absent means: nothing to find.
  static func boxes(
    _ path: String, size: ImageSize, classCount: Int, notes: inout [SkippedItem]
  ) throws(DataError) -> [LabeledBox] {
    guard FileSystem.exists(path) else { return [] }
    let bytes = try FileSystem.bytes(path, purpose: "the label file")
    let (W, H) = (Double(size.width), Double(size.height))
    var intake = BoxIntake(size: size)
    for (i, line) in FileSystem.lines(bytes).enumerated() {
      let place = "\(path):\(i + 1)"
      guard let label = try YOLOLabel(line, classCount: classCount, place: place) else { continue }
      intake.take(
        classIndex: label.classIndex, corners: label.corners * SIMD4(W, H, W, H), place: place,
        notes: &notes)
    }
    return intake.boxes
  }
}
