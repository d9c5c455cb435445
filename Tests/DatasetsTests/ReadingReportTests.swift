import Datasets
import Foundation
import Images
import Testing

/// What is not understood is counted by name or refused.
@Suite struct ReadingReportTests {
  /// Four images and labels for the first `labelled`.
  private func folder(labelled: Int, images: String = "images/train") throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for i in 0..<4 {
      try folder.writeGray("\(images)/\(i).png", 64, 48)
      if i < labelled { try folder.write("0 0.5 0.5 0.2 0.2\n", as: "labels/train/\(i).txt") }
    }
    return folder
  }

  private func source(_ folder: TemporaryFolder, allowing: Bool = false) -> DataSource {
    DataSource(
      format: .yolo, root: folder.url.path, classNames: ["a"], allowsUnlabelled: allowing)
  }

  private func refusals(_ source: DataSource) throws -> [String] {
    Dataset.refusals(training: try source.read(.train), validation: nil, source: source)
      .map(\.description)
  }

  @Test func `Images with boxes, empty labels, no labels and rows are counted`() throws {
    let folder = try folder(labelled: 2)
    try folder.write("", as: "labels/train/2.txt")
    try folder.write("0 0.1 0.1 0.2 0.1 0.2 0.2\n0 1.5 0.5 0.2 0.2\n", as: "labels/train/1.txt")
    let report = try source(folder).read(.train).report
    #expect(report.withBoxes == 2 && report.emptyLabels == 1 && report.withoutLabels == 1)
    #expect(report.boxRows == 2 && report.polygonRows == 1 && report.allDropped == 0)
    #expect(
      report.summary
        == "4 images: 2 with boxes, 1 with an empty label, 1 without a label file; 2 boxes, 1 polygon"
    )
    let copy = try JSONDecoder().decode(ReadingReport.self, from: JSONEncoder().encode(report))
    #expect(copy == report)
  }

  @Test func `Half the images without labels are refused, unless they are said to be background`()
    throws
  {
    let most = try folder(labelled: 3)
    #expect(try refusals(source(most)).isEmpty)
    let half = try folder(labelled: 2)
    let refusal = try refusals(source(half))
    try #require(refusal.count == 1)
    #expect(refusal[0].contains("2 of the 4 images") && refusal[0].contains("allowUnlabelled"))
    #expect(refusal[0].contains("labels/train/2.txt"))
    #expect(try refusals(source(half, allowing: true)).isEmpty)
    let bare = try folder(labelled: 0)
    #expect(try refusals(source(bare))[0].contains("no label files found"))
    let none = try refusals(source(bare, allowing: true))
    #expect(none.count == 1 && none[0].contains("no box to train on"))
  }

  @Test func `A training split without one box is refused`() throws {
    let folder = try folder(labelled: 4)
    for i in 0..<4 { try folder.write("\n", as: "labels/train/\(i).txt") }
    #expect(try refusals(source(folder))[0].contains("no box to train on"))
    for i in 0..<4 { try folder.write("0 1.5 0.5 0.1 0.1", as: "labels/train/\(i).txt") }
    #expect(try refusals(source(folder))[0].contains("all boxes of 4 were dropped"))
  }

  @Test func `Classes that differ between the splits are refused`() throws {
    let folder = try folder(labelled: 4)
    let training = try source(folder).read(.train)
    var validation = training
    validation.classNames = ["b"]
    let found = Dataset.refusals(
      training: training, validation: validation, source: source(folder))
    #expect(found.count == 1 && "\(found[0])".contains("[\"b\"]"))
  }

  @Test(arguments: [
    "images/train/3.txt", "labels/train/3.TXT", "labels/train/3.png.txt", "images/labels/3.txt",
    "images/train/3.xml",
  ])
  func `Label files where they are not looked for are named`(name: String) throws {
    let folder = try folder(labelled: 3)
    try folder.write("0 0.5 0.5 0.2 0.2\n", as: name)
    let report = try source(folder).read(.train).report
    #expect(report.withoutLabels == 1)
    #expect(report.lines.contains { $0.contains("not looked for") && $0.contains(name) })
    #expect(!report.lines.contains { $0.contains("without an image") })
  }

  @Test func `Images of one stem and labels without an image are named`() throws {
    let folder = try folder(labelled: 4)
    try folder.write(Image(width: 8, height: 8, fill: 3), as: "images/train/1.jpg")
    try folder.write("0 0.5 0.5 0.1 0.1", as: "labels/train/gone.txt")
    try folder.write("a", as: "labels/train/classes.txt")
    let dataset = try source(folder).read(.train)
    #expect(dataset.samples.count == 5)
    #expect(dataset.report.findings.map(\.count) == [1, 1])
    let text = dataset.report.lines.joined(separator: "\n")
    #expect(text.contains("1.jpg") && text.contains("gone.txt") && !text.contains("classes.txt"))
  }

  @Test func `Files are images by their first bytes, and others counted by kind`() throws {
    let folder = try folder(labelled: 4)
    let jpeg = try Image(width: 64, height: 48, fill: 7).encodedJPEG()
    for name in ["a.jfif", "b.mpo", "c", "d.JPG_"] {
      _ = try folder.write(jpeg, as: "images/train/\(name)")
      try folder.write("0 0.5 0.5 0.1 0.1", as: "labels/train/\(name.prefix(1)).txt")
    }
    let heic = [0, 0, 0, 24] + Array("ftypheic".utf8) + [UInt8](repeating: 0, count: 20)
    _ = try folder.write(heic, as: "images/train/e.heic")
    _ = try folder.write(Array("P6\n1 1\n255\nabc".utf8), as: "images/train/f.ppm")
    _ = try folder.write(Array("notes".utf8), as: "images/train/g.csv")
    let dataset = try source(folder).read(.train)
    #expect(dataset.samples.count == 8 && dataset.report.withBoxes == 8)
    #expect(dataset.report.passedOver.map(\.what) == [".heic", ".ppm", ".csv"])
    #expect(dataset.report.lines[1].contains("e.heic"))
    // Kinds that everybody takes for images are refused, with what they hold.
    _ = try folder.write(Array("RIFF....WEBPVP8 ".utf8), as: "images/train/h.webp")
    #expect { try source(folder).read(.train) } throws: {
      "\($0)".contains("h.webp") && "\($0)".contains("WebP")
    }
  }

  @Test func `A list that repeats lines weighs in training and not in validation`() throws {
    let folder = try folder(labelled: 4)
    let lines = (0..<4).map { "images/train/\($0).png" }
    try folder.write(
      (lines + ["./images/train/1.png", lines[1]]).joined(separator: "\n"), as: "train.txt")
    try folder.write("names: [a]\ntrain: train.txt\nval: train.txt\n", as: "data.yaml")
    let source = DataSource(format: .yolo, root: folder.url.path)
    let training = try source.read(.train)
    #expect(training.samples.count == 6 && Set(training.samples.map(\.identifier)).count == 6)
    #expect(training.report.findings.map(\.count) == [2] && training.report.withBoxes == 6)
    let validation = try source.read(.validation)
    #expect(validation.samples.count == 4 && validation.report.findings.map(\.count) == [2])
    #expect(try training.facts().fingerprint != validation.facts().fingerprint)
  }

  @Test func `Backslashes in a list are read as slashes`() throws {
    let folder = try folder(labelled: 4)
    try folder.write("images\\train\\1.png\nimages/train/2.png", as: "train.txt")
    try folder.write("names: [a]\ntrain: train.txt\n", as: "data.yaml")
    let dataset = try DataSource(format: .yolo, root: folder.url.path).read(.train)
    #expect(dataset.samples.count == 2 && dataset.report.withBoxes == 2)
    #expect(dataset.report.findings.map(\.count) == [1])
  }

  @Test func `Check keeps the reasons where every image is bad, each path once`() throws {
    let folder = try folder(labelled: 4)
    for i in 0..<4 { try folder.write("0 0.5 0.5 0.1 0.1 0.9", as: "labels/train/\(i).txt") }
    let source = source(folder)
    let statistics = try source.check(.train)
    #expect(statistics.pictureCount == 0 && statistics.skippedCount == 4)
    #expect(statistics.text().contains("0.txt:1: 6 columns"))
    #expect {
      try source.read(.train, skipBad: true)
    } throws: { "\($0)".contains("4 left out") && "\($0)".contains("0.txt:1: 6 columns") }
    try folder.write("cut", as: "images/train/0.png")
    let text = try source.check(.train).text()
    #expect(text.components(separatedBy: "images/train/0.png").count == 2)
  }
}
