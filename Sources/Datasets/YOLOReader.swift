import Images

extension DataSource {
  /// A list of a training split may name an image several times, to weigh it: each time counts.
  func readYOLO(_ split: Split, intake start: SampleIntake) throws(DataError) -> Dataset {
    let layout = try YOLOLayout(self, split)
    var intake = start
    var listing = try YOLOListing(layout, report: &intake.report)
    guard !listing.images.isEmpty else {
      throw .empty(
        path: layout.saidBy,
        reason: "its \(split.rawValue) split, \(layout.entries), has no images"
          + (intake.report.passedOver.isEmpty ? "" : " (\(intake.report.lines[1]))"))
    }
    listing.settleRepeats(keeping: split == .train, report: &intake.report)
    try findOddLabels(listing, report: &intake.report)

    var poses = PoseEvidence()
    for (index, path) in listing.images.enumerated() {
      try intake.add { (reading) throws(DataError) in
        let size = try start.size(ofPicture: path)
        let boxes = try YOLOLabel.boxes(
          YOLOLabel.path(forPicture: path), size: size, classCount: layout.classNames.count,
          reading: &reading, poses: &poses)
        // bounded: 64 bits in 64
        return Sample(imagePath: path, boxes: boxes, identifier: Int64(index), size: size)
      }
    }
    if let error = poses.error { throw error }
    return intake.dataset(classNames: layout.classNames)
  }

  /// Counts images that share a label file, label files that lie elsewhere, and those without an
  /// image.
  private func findOddLabels(
    _ listing: YOLOListing, report: inout ReadingReport
  ) throws(DataError) {
    var imageOf: [[UInt8]: String] = [:]
    var nearMisses: Set<[UInt8]> = []
    var sharing: Set<[UInt8]> = []
    // bounded: a dictionary
    for image in listing.images {
      let labelPath = YOLOLabel.path(forPicture: image)
      let key = FileSystem.key(labelPath)
      if let other = imageOf[key] {
        let isOther = FileSystem.key(other) != FileSystem.key(image)
        if isOther && sharing.insert(FileSystem.key(image)).inserted {
          report.find("images that share the label file of another", "\(image) and \(other)")
        }
        continue
      }
      imageOf[key] = image
      if FileSystem.kind(labelPath) == .absent,
        let near = LabelSearch.nearMiss(image: image, labelPath: labelPath)
      {
        nearMisses.insert(FileSystem.key(near))
        report.find(ReadingReport.nearMiss, near)
      }
    }
    let known = Set(imageOf.keys).union(nearMisses)
    var orphans: [String] = []
    // bounded: a join
    for folder in listing.folders {
      orphans += try LabelSearch.orphans(ofImagesIn: folder, labelPaths: known)
    }
    // Labels beside the images.
    // bounded: a join
    orphans += listing.texts.filter {
      LabelSearch.isLabel($0) && !known.contains(FileSystem.key($0))
    }
    var seen: Set<[UInt8]> = []
    for path in orphans where seen.insert(FileSystem.key(path)).inserted {
      report.find("label files without an image", path)
    }
  }
}

extension ReadingReport {
  static let nearMiss = "label files of unlabelled images where they are not looked for"

  /// For a refusal: where labels lie instead.
  var nearMissHint: String {
    guard let found = findings.first(where: { $0.what == Self.nearMiss }) else { return "" }
    return "; \(found.what): \(found.count), e.g. \(found.examples[0])"
  }
}
