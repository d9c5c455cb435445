import Images

extension DataSource {
  /// One class, person. Of the images in name order, every `validationEvery`-th from the first on
  /// is for validation, by default (0, 5, 10, …) 34 of the 170; the others are for training.
  ///
  /// *Units:* the files count pixels from 1 and include the last, so `corners` are
  /// `xmin - 1, ymin - 1, xmax, ymax`.
  func readPennFudan(_ split: Split, intake start: SampleIntake) throws(DataError) -> Dataset {
    // `init` refuses it, but it may have been set or decoded since.
    guard validationEvery > 1 else {
      throw .badConfiguration(
        path: root, reason: "validationEvery is \(validationEvery), expected 2 or more")
    }
    let folder = FileSystem.join(root, "PNGImages")
    guard FileSystem.isFolder(folder) else {
      throw .missing(path: folder, purpose: "Penn-Fudan's folder of images")
    }
    var intake = start
    let listing = try ImageListing(folder, report: &intake.report)
    for (index, path) in listing.images.enumerated() {
      guard (index % validationEvery == 0) == (split == .validation) else { continue }
      try intake.add { (reading) throws(DataError) in
        let annotation = Self.annotationPath(root: root, picture: path)
        let size = try start.size(ofPicture: path)
        let boxes = try Self.boxes(annotation, size: size, reading: &reading)
        // bounded: 64 bits in 64
        return Sample(imagePath: path, boxes: boxes, identifier: Int64(index), size: size)
      }
    }
    return intake.dataset(classNames: ["person"])
  }

  private static func annotationPath(root: String, picture: String) -> String {
    let name = picture.split(separator: "/").last ?? ""
    return FileSystem.join(root, "Annotation/\(name.prefix { $0 != "." }).txt")
  }

  private static func boxes(
    _ path: String, size: ImageSize, reading: inout SampleReading
  ) throws(DataError) -> [LabeledBox] {
    let bytes = try FileSystem.bytes(
      path, purpose: "Penn-Fudan's annotation of an image", limit: YOLOLabel.maximumByteCount)
    var intake = BoxIntake(size: size)
    var declared: (count: Int, place: String)?
    for (i, bytes) in FileSystem.lines(bytes).enumerated() {
      let line = String(decoding: bytes, as: UTF8.self)
      let place = "\(path):\(i + 1)"
      if line.hasPrefix("Image size") {
        let numbers = integers(afterColonOf: line)
        guard numbers.count == 3, size == ImageSize(width: numbers[0], height: numbers[1]) else {
          throw .badLabel(
            place: place, reason: "the size does not agree with the image, which is \(size)")
        }
      } else if line.hasPrefix("Bounding box for object") {
        let n = integers(afterColonOf: line)
        guard n.count == 4, n[0] >= 1, n[1] >= 1, n[2] >= n[0], n[3] >= n[1] else {
          throw .badLabel(
            place: place, reason: "'(xmin, ymin) - (xmax, ymax)', counted from 1, was expected")
        }
        // bounded: n[0] and n[1] are at least 1
        let corners = SIMD4(Double(n[0] - 1), Double(n[1] - 1), Double(n[2]), Double(n[3]))
        reading.boxRows += 1
        intake.take(classIndex: 0, corners: corners, place: place, notes: &reading.notes)
      } else if line.hasPrefix("Objects with ground truth") {
        // `Objects with ground truth : 2 { "PASpersonWalking" "PASpersonWalking" }`
        if let count = integers(afterColonOf: line).first { declared = (count, place) }
      }
    }
    if let declared, declared.count != reading.boxRows {
      throw .badLabel(
        place: declared.place,
        reason: "\(declared.count) objects are declared, but the file has \(reading.boxRows) boxes")
    }
    return intake.boxes
  }

  /// The whole numbers after the last colon; a minus that stands alone separates.
  private static func integers(afterColonOf line: String) -> [Int] {
    // bounded: an index of the line
    let tail = line[(line.lastIndex(of: ":") ?? line.startIndex)...]
    return tail.split { !($0.isASCII && ($0.isNumber || $0 == "-")) }.compactMap { Int($0) }
  }
}
