import Images

/// What reading one image gave beside its sample.
struct SampleReading {
  var notes: [SkippedItem] = []
  /// Whether a label file (or the annotation file) speaks of the image at all.
  var isLabelled = true
  var boxRows = 0
  var polygonRows = 0
}

/// What every reader does with images and boxes before they count.
struct SampleIntake {
  var skipBad: Bool
  var decodingAll: Bool

  private(set) var samples: [Sample] = []
  private(set) var skipped: [SkippedItem] = []
  var report = ReadingReport()

  init(skipBad: Bool, decodingAll: Bool) {
    self.skipBad = skipBad
    self.decodingAll = decodingAll
  }

  /// Adds the sample that `body` makes. What it throws is thrown on, or listed if bad data is
  /// skipped; then the whole image goes, with all its labels.
  // bounded: a join, and counts of rows that were read
  mutating func add(
    _ body: (inout SampleReading) throws(DataError) -> Sample
  ) throws(DataError) {
    var reading = SampleReading()
    do throws(DataError) {
      let sample = try body(&reading)
      samples.append(sample)
      skipped += reading.notes
      report.boxRows += reading.boxRows
      report.polygonRows += reading.polygonRows
      if !sample.boxes.isEmpty {
        report.withBoxes += 1
      } else if !reading.isLabelled {
        report.withoutLabels += 1
      } else if reading.boxRows + reading.polygonRows == 0 {
        report.emptyLabels += 1
      } else {
        report.allDropped += 1
      }
    } catch {
      try skip(error)
    }
  }

  /// Throws `error`, or lists it if bad data is skipped.
  mutating func skip(_ error: DataError) throws(DataError) {
    guard skipBad else { throw error }
    skipped.append(error.asSkipped)
  }

  /// The data set of all that was taken in.
  func dataset(classNames: [String], categoryIdentifiers: [Int64]? = nil) -> Dataset {
    Dataset(
      classNames: classNames, categoryIdentifiers: categoryIdentifiers, samples: samples,
      skipped: skipped, report: report)
  }

  /// The size of an image as shown; decodes it too if that was asked.
  func size(ofPicture path: String) throws(DataError) -> ImageSize {
    do throws(ImageError) {
      // A small side is enough: a JPEG is read to its end all the same.
      if decodingAll { return try ImageFile.decodeWithScale(path, atLeast: 1).originalSize }
      return try ImageFile.probe(path)
    } catch {
      throw .badPicture(error)
    }
  }
}

/// The boxes of one image, clipped to it, without doubles.
struct BoxIntake {
  let size: ImageSize
  private(set) var boxes: [LabeledBox] = []
  private var seen: Set<LabeledBox> = []

  init(size: ImageSize) { self.size = size }

  /// Takes `corners` (finite, x0 ≤ x1, y0 ≤ y1, in pixels).
  ///
  /// Clips what is beyond the image; drops what has no area or was there before. Notes each of
  /// these, but not a clip of up to one pixel, which is rounding.
  mutating func take(
    classIndex: Int, corners: SIMD4<Double>, place: @autoclosure () -> String,
    notes: inout [SkippedItem]
  ) {
    let (W, H) = (Double(size.width), Double(size.height))
    let clipped = SIMD4(
      min(max(corners[0], 0), W), min(max(corners[1], 0), H), min(max(corners[2], 0), W),
      min(max(corners[3], 0), H))
    let box = LabeledBox(classIndex: classIndex, corners: SIMD4<Float>(clipped))
    func note(_ reason: String) {
      notes.append(SkippedItem(.mended, place: place(), reason: reason))
    }
    if corners[0] >= corners[2] || corners[1] >= corners[3] {
      note("a box without area was dropped")
    } else if box.width <= 0 || box.height <= 0 {
      note("a box outside the image was dropped")
    } else if !seen.insert(box).inserted {
      note("a box that was there before was dropped")
    } else {
      boxes.append(box)
      // bounded: four elements, and differences of doubles
      let excess = (0..<4).map { abs(corners[$0] - clipped[$0]) }.max()!
      if excess > 1 { note("a box reaching beyond the image was clipped") }
    }
  }
}
