import Images

extension DataSource {
  /// Classes are the categories in the order of their ids; images are in the order of the file.
  func readCOCO(_ split: Split, intake start: SampleIntake) throws(DataError) -> Dataset {
    guard let entry = entry(split) else {
      throw .badConfiguration(
        path: root, reason: "the data section names no JSON file for '\(split.rawValue)'")
    }
    let path = FileSystem.join(root, entry)
    let folder = images.map { FileSystem.join(root, $0) } ?? root
    let file = try COCOFile.read(path)
    let classes = try COCOClasses(file.categories, path: path)
    var intake = start

    let positions = try positions(of: file, path: path, intake: &intake)
    var annotations = [[COCOFile.Annotation]](repeating: [], count: file.images.count)
    var annotationIDs: Set<Int64> = []
    // bounded: dictionary lookups, and places in file.images, as long as annotations
    for annotation in file.annotations {
      // Ids are for who edits the file; training needs none.
      if let id = annotation.id, !annotationIDs.insert(id).inserted {
        intake.report.find("annotation ids that repeat, which harms no training", "\(id)")
      }
      guard let entry = positions[annotation.image_id] else {
        try intake.skip(
          .badAnnotations(
            path: path,
            reason: "\(annotation.title) belongs to image \(annotation.image_id), which is not in "
              + "the file"))
        continue
      }
      if let position = entry { annotations[position].append(annotation) }
    }
    try refuseFractions(annotations, path: path)

    var imageOf: [[UInt8]: Int64] = [:]
    // bounded: a dictionary; i is a place in file.images, as long as annotations
    for (i, picture) in file.images.enumerated() where positions[picture.id] == .some(.some(i)) {
      let key = FileSystem.key(picture.file_name)
      if let other = imageOf.updateValue(picture.id, forKey: key) {
        intake.report.find(
          "images of a file that another image has too",
          "\(picture.file_name): ids \(other), \(picture.id)")
      }
      var isMended = false
      try intake.add { (reading) throws(DataError) in
        let imagePath = try imagePath(picture, folder: folder, path: path, isMended: &isMended)
        return try sample(
          picture, imagePath, annotations[i], path: path, classes: classes, intake: start,
          reading: &reading)
      }
      if isMended {
        intake.report.find("file names with '\\' read as '/'", picture.file_name)
      }
    }
    var names: Set<String> = []
    for name in classes.names where !names.insert(name).inserted {
      intake.report.find("category names that stand for several ids", name)
    }
    return intake.dataset(
      classNames: classes.names, categoryIdentifiers: classes.indices.keys.sorted())
  }

  /// Where each image id stands in the file; `.some(nil)` for one that occurs twice, of which no
  /// annotation says which it belongs to: all of them go.
  // bounded: a dictionary
  private func positions(
    of file: COCOFile, path: String, intake: inout SampleIntake
  ) throws(DataError) -> [Int64: Int?] {
    var positions: [Int64: Int?] = [:]
    for (i, picture) in file.images.enumerated() {
      guard positions[picture.id] == nil else {
        try intake.skip(
          .badAnnotations(
            path: path,
            reason: "image id \(picture.id) occurs twice, so its annotations belong to none"))
        positions[picture.id] = .some(nil)
        continue
      }
      positions[picture.id] = .some(i)
    }
    return positions
  }

  /// Boxes that are all within the first pixel are fractions of the image, as other formats have
  /// them.
  private func refuseFractions(
    _ annotations: [[COCOFile.Annotation]], path: String
  ) throws(DataError) {
    var first: COCOFile.Annotation?
    for annotation in annotations.joined() {
      guard let bbox = annotation.bbox, bbox.contains(where: { $0 != 0 }) else { continue }
      guard bbox.allSatisfy({ abs($0) <= 1 }) else { return }
      if first == nil { first = annotation }
    }
    guard let first else { return }
    throw .badAnnotations(
      path: path,
      reason: "no bbox reaches beyond the first pixel (\(first.title): \(first.bbox ?? [])); they "
        + "look like fractions, COCO's are x, y, width, height in pixels")
  }

  private func imagePath(
    _ picture: COCOFile.Picture, folder: String, path: String, isMended: inout Bool
  ) throws(DataError) -> String {
    // By bytes, for a combining mark hides a separator from characters; `\` may be read as `/`.
    let separators = [UInt8(ascii: "/"), UInt8(ascii: "\\")]
    let parts = picture.file_name.utf8.split { separators.contains($0) }
    let leaves = parts.contains { $0.elementsEqual("..".utf8) }
    guard
      !picture.file_name.isEmpty, picture.file_name.utf8.first != UInt8(ascii: "/"), !leaves,
      !picture.file_name.utf8.contains(0)
    else {
      throw .badAnnotations(
        path: path,
        reason: "image \(picture.id) has the file name '\(picture.file_name)', which leaves the "
          + "images' folder")
    }
    let found = FileSystem.resolve(picture.file_name, in: folder)
    isMended = found.isMended
    if FileSystem.kind(found.path) == .absent {
      // A folder that both the file names and the recipe have.
      let atRoot = FileSystem.resolve(picture.file_name, in: root).path
      let hint =
        folder != root && FileSystem.kind(atRoot) == .file
        ? "; it lies at \(atRoot): its folder is in the file name already, so name no folder of "
          + "images" : ""
      throw .badAnnotations(
        path: path,
        reason: "image \(picture.id) is the file \(found.path), which is not there\(hint)")
    }
    return found.path
  }

  // bounded: a dictionary; bbox was found to have four elements, and sums of doubles do not trap
  private func sample(
    _ picture: COCOFile.Picture, _ imagePath: String, _ annotations: [COCOFile.Annotation],
    path: String, classes: COCOClasses, intake: SampleIntake, reading: inout SampleReading
  ) throws(DataError) -> Sample {
    let size = try intake.size(ofPicture: imagePath)
    if let width = picture.width, let height = picture.height {
      guard size == ImageSize(width: width, height: height) else {
        throw .badAnnotations(
          path: path,
          reason: "image \(picture.id) is said to be \(width)x\(height) but \(imagePath) shows "
            + "\(size); the boxes may belong to another version of it")
      }
    }
    var boxes = BoxIntake(size: size)
    var ignored = BoxIntake(size: size)
    for annotation in annotations {
      guard let classIndex = classes.indices[annotation.category_id] else {
        throw .badAnnotations(
          path: path,
          reason: "\(annotation.title) has category \(annotation.category_id), which is not in the "
            + "file's categories")
      }
      guard let bbox = annotation.bbox, bbox.count == 4, bbox.allSatisfy(\.isFinite) else {
        throw .badAnnotations(
          path: path, reason: "\(annotation.title) has no bbox of four finite numbers")
      }
      guard bbox[2] >= 0 && bbox[3] >= 0 else {
        throw .badAnnotations(
          path: path, reason: "\(annotation.title) has a bbox of negative size, \(bbox)")
      }
      let corners = SIMD4(bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3])
      let place = "\(path): \(annotation.title)"
      reading.boxRows += 1
      if annotation.iscrowd == 1 {
        ignored.take(
          classIndex: classIndex, corners: corners, place: place, notes: &reading.notes)
      } else {
        boxes.take(classIndex: classIndex, corners: corners, place: place, notes: &reading.notes)
      }
    }
    return Sample(
      imagePath: imagePath, boxes: boxes.boxes, ignoredBoxes: ignored.boxes,
      identifier: picture.id, size: size)
  }
}

/// Category ids, which may have gaps, as classes 0 … n-1.
struct COCOClasses {
  var names: [String] = []
  var indices: [Int64: Int] = [:]

  // bounded: a dictionary
  init(_ categories: [COCOFile.Category], path: String) throws(DataError) {
    for category in categories.sorted(by: { $0.id < $1.id }) {
      guard indices[category.id] == nil else {
        throw .badAnnotations(path: path, reason: "category id \(category.id) occurs twice")
      }
      indices[category.id] = names.count
      guard !category.name.allSatisfy(\.isWhitespace) else {
        throw .badAnnotations(path: path, reason: "category \(category.id) has no name")
      }
      names.append(category.name)
    }
    guard !names.isEmpty else {
      throw .badAnnotations(path: path, reason: "it has no categories")
    }
  }
}

extension COCOFile.Annotation {
  fileprivate var title: String {
    id.map { "annotation \($0)" } ?? "an annotation of image \(image_id)"
  }
}
