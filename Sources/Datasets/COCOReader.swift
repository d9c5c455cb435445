import Images

extension DataSource {
  /// Classes are the categories in the order of their ids; pictures are in the order of the file.
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

    var positions: [Int64: Int] = [:]
    var isAccepted = [Bool](repeating: false, count: file.images.count)
    for (i, picture) in file.images.enumerated() {
      guard positions[picture.id] == nil else {
        try intake.skip(.badAnnotations(path: path, reason: "image id \(picture.id) occurs twice"))
        continue
      }
      positions[picture.id] = i
      isAccepted[i] = true
    }

    var annotations = [[COCOFile.Annotation]](repeating: [], count: file.images.count)
    var annotationIDs: Set<Int64> = []
    for annotation in file.annotations {
      if let id = annotation.id, !annotationIDs.insert(id).inserted {
        try intake.skip(.badAnnotations(path: path, reason: "annotation id \(id) occurs twice"))
        continue
      }
      guard let position = positions[annotation.image_id] else {
        try intake.skip(
          .badAnnotations(
            path: path,
            reason: "\(annotation.title) belongs to image \(annotation.image_id), which is not in "
              + "the file"))
        continue
      }
      annotations[position].append(annotation)
    }

    for (i, picture) in file.images.enumerated() where isAccepted[i] {
      try intake.add { (notes) throws(DataError) in
        try sample(
          picture, annotations[i], folder: folder, path: path, classes: classes, intake: start,
          notes: &notes)
      }
    }
    return Dataset(
      classNames: classes.names, categoryIdentifiers: classes.indices.keys.sorted(),
      samples: intake.samples, skipped: intake.skipped)
  }

  private func sample(
    _ picture: COCOFile.Picture, _ annotations: [COCOFile.Annotation], folder: String,
    path: String, classes: COCOClasses, intake: SampleIntake, notes: inout [SkippedItem]
  ) throws(DataError) -> Sample {
    let parts = picture.file_name.split(separator: "/", omittingEmptySubsequences: false)
    guard
      !picture.file_name.isEmpty, !picture.file_name.hasPrefix("/"), !parts.contains(".."),
      !picture.file_name.utf8.contains(0)
    else {
      throw .badAnnotations(
        path: path,
        reason: "image \(picture.id) has the file name '\(picture.file_name)', which leaves the "
          + "pictures' folder")
    }
    let imagePath = FileSystem.join(folder, picture.file_name)
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
      if annotation.iscrowd == 1 {
        ignored.take(classIndex: classIndex, corners: corners, place: place, notes: &notes)
      } else {
        boxes.take(classIndex: classIndex, corners: corners, place: place, notes: &notes)
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

  init(_ categories: [COCOFile.Category], path: String) throws(DataError) {
    for category in categories.sorted(by: { $0.id < $1.id }) {
      guard indices[category.id] == nil else {
        throw .badAnnotations(path: path, reason: "category id \(category.id) occurs twice")
      }
      indices[category.id] = names.count
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
