import Datasets
import Foundation
import Images
import Testing

@Suite struct YOLOReaderTests {
  /// Reads one 640x480 picture whose label file holds `text`, with the classes person and car.
  private func read(_ text: String, skipBad: Bool = false) throws -> Dataset {
    let folder = try TemporaryFolder()
    try folder.writeGray("images/train/a.png")
    try folder.writeGray("images/train/b.png")
    try folder.write(text, as: "labels/train/a.txt")
    let source = DataSource(
      format: .yolo, root: folder.url.path, classNames: ["person", "car"])
    return try source.read(.train, skipBad: skipBad)
  }

  private func corners(_ dataset: Dataset) -> [[Float]] {
    dataset.samples[0].boxes.map { box in (0..<4).map { box.corners[$0] } }
  }

  @Test func `Fractions become pixel corners`() throws {
    let dataset = try read("0 0.5 0.5 0.25 0.5\n1 0.25 0.75 0.1 0.2\n")
    #expect(dataset.classNames == ["person", "car"])
    #expect(corners(dataset)[0] == [240, 120, 400, 360])
    #expect(dataset.samples[0].boxes[1].classIndex == 1)
    #expect(dataset.samples[0].size == ImageSize(width: 640, height: 480))
    #expect(dataset.samples[1].boxes.isEmpty)
    #expect(dataset.skipped.isEmpty)
  }

  @Test(arguments: ["", "\n\n  \n", "\u{FEFF}", "\r\n\t\r\n"])
  func `A file without a box is a background picture`(text: String) throws {
    #expect(try read(text).samples[0].boxes.isEmpty)
  }

  @Test func `Byte-order marks, carriage returns, tabs and exponents are read`() throws {
    #expect(corners(try read("\u{FEFF}0 0.5 0.5 0.2 0.2\r\n1 0.25 0.25 0.1 0.1\r\n")).count == 2)
    #expect(corners(try read("0\t5e-1\t0.5  0.25\t5.0E-1")) == [[240, 120, 400, 360]])
    #expect(corners(try read("0.0 0.5 0.5 0.25 0.5\r1 0.5 0.5 0.25 0.5")).count == 2)
  }

  @Test func `A polygon becomes its bounding box`() throws {
    let dataset = try read("0 0.5 0.5 0.25 0.5\n1 0.25 0.5 0.75 0.25 0.5 0.75\n")
    #expect(corners(dataset)[1] == [160, 120, 480, 360])
  }

  @Test func `Boxes beyond the picture are clipped, outside it dropped, and both counted`() throws {
    let dataset = try read("0 0.95 0.5 0.3 0.2\n0 1.2 0.5 0.1 0.1\n")
    #expect(corners(dataset) == [[512, 192, 640, 288]])
    try #require(dataset.skipped.map(\.kind) == [.mended, .mended])
    #expect(dataset.skipped[0].place.hasSuffix("labels/train/a.txt:1"))
    #expect(dataset.skipped[1].place.hasSuffix("labels/train/a.txt:2"))
  }

  @Test func `Doubles and boxes without area are dropped and counted`() throws {
    let dataset = try read("0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0 0.2\n")
    #expect(dataset.samples[0].boxes.count == 1)
    #expect(dataset.skipped.map { $0.place.suffix(2) } == [":2", ":3"])
  }

  @Test(arguments: [
    ("0 0.5 0.5 -0.2 0.2", "negative"), ("2 0.5 0.5 0.1 0.1", "class 2"),
    ("-1 0.5 0.5 0.1 0.1", "class -1"), ("0.5 0.5 0.5 0.1 0.1", "class 0.5"),
    ("0 nan 0.5 0.1 0.1", "'nan'"), ("0 0.5 inf 0.1 0.1", "'inf'"), ("0 0.5 0.5 0.1", "4 columns"),
    ("0 0.5 0.5 0.1 0.1 0.9", "6 columns"), ("person 0.5 0.5 0.1 0.1", "'person'"),
    ("1e300 0.5 0.5 0.1 0.1", "class 1e300"),
  ])
  func `A line that cannot be used is named`(line: String, cause: String) throws {
    let text = "0 0.5 0.5 0.2 0.2\n\n" + line + "\n"
    #expect {
      try read(text)
    } throws: { error in
      "\(error)".contains("labels/train/a.txt:3: ") && "\(error)".contains(cause)
    }
    let dataset = try read(text, skipBad: true)
    #expect(dataset.samples.count == 1)
    #expect(dataset.skipped.count == 1 && dataset.skipped[0].kind == .skipped)
  }

  @Test(arguments: [
    "names: [person, car]\ntrain: images/train\nval: images/val\n",
    "names:\n  0: person\n  1: car\nnc: 2\npath: .\ntrain: images/train\nval: images/val\n",
    "path: ../not/here\nnames: {1: car, 0: person}\ntrain: ../images/train\nval: ../images/val\n",
    "names: ['person', \"car\"]\ntrain: [images/train]\nval: lists/val.txt\n",
    "names: [person, car]\ntrain: lists/train.txt\nvalid:\n  - images/val\n",
  ])
  func `Every way of writing data.yaml is understood`(yaml: String) throws {
    let folder = try TemporaryFolder()
    try folder.write(yaml, as: "data.yaml")
    for name in ["train/b", "train/a", "val/c"] {
      try folder.writeGray("images/\(name).png", 64, 48)
      try folder.write("1 0.5 0.5 0.5 0.5\n", as: "labels/\(name).txt")
    }
    try folder.write("images/train/a.png\r\n./../images/train/b.png\n\n", as: "lists/train.txt")
    try folder.write("images/val/c.png", as: "lists/val.txt")
    for root in [folder.url.path, folder.path("data.yaml")] {
      let source = DataSource(format: .yolo, root: root)
      let train = try source.read(.train)
      #expect(train.classNames == ["person", "car"])
      #expect(train.samples.map { $0.imagePath.suffix(5) } == ["a.png", "b.png"])
      #expect(train.samples.allSatisfy { $0.boxes.count == 1 })
      #expect(try source.read(.validation).samples.count == 1)
    }
  }

  @Test(arguments: [
    ("names: [person]\nnc: 2\ntrain: images\n", "'nc' is 2"), ("nc: 0\ntrain: images\n", "'names'"),
    ("names: {0: a, 2: b}\ntrain: images\n", "class 1"), ("train: images\n", "'names' is missing"),
    ("names: [a]\nval: images\n", "'train' is missing"), ("names: [a\n", "not YAML"),
    ("- a\n- b\n", "a mapping"), ("names: [a]\ntrain: nowhere\n", "nowhere"),
    ("names: []\ntrain: images\n", "empty"),
  ])
  func `A data.yaml that cannot be used is named with the key`(yaml: String, cause: String) throws {
    let folder = try TemporaryFolder()
    try folder.write(yaml, as: "data.yaml")
    try folder.writeGray("images/a.png", 8, 8)
    #expect {
      try DataSource(format: .yolo, root: folder.url.path).read(.train)
    } throws: { "\($0)".contains(folder.url.path) && "\($0)".contains(cause) }
  }

  @Test func `A layout without a single label file is refused, not trained as background`() throws {
    let folder = try TemporaryFolder()
    try folder.writeGray("pictures/a.png", 8, 8)
    let source = DataSource(
      format: .yolo, root: folder.url.path, train: "pictures", classNames: ["a"])
    let dataset = try source.read(.train)
    for refusal in [
      Dataset.refusals(training: dataset, validation: nil, source: source),
      Dataset.refusals(training: nil, validation: dataset, source: source),
    ] {
      #expect(refusal.count == 1 && "\(refusal[0])".contains("no label files found"))
      #expect("\(refusal[0])".contains("pictures/a.txt"))
    }
  }

  @Test func `A bad picture is named, or listed when bad data is skipped`() throws {
    let folder = try TemporaryFolder()
    try folder.writeGray("images/train/a.png")
    let whole = try Image(width: 64, height: 64, fill: 7).encodedJPEG()
    try Data(whole.prefix(whole.count - 60)).write(to: folder.url.appendingPathComponent("cut.jpg"))
    try FileManager.default.moveItem(
      atPath: folder.path("cut.jpg"), toPath: folder.path("images/train/cut.jpg"))
    try folder.write("not an image", as: "images/train/note.webp")
    try folder.write("0 0.5 0.5 0.2 0.2", as: "labels/train/a.txt")
    let source = DataSource(format: .yolo, root: folder.url.path, classNames: ["a"])
    #expect { try source.read(.train) } throws: { "\($0)".contains("note.webp: not an image") }
    #expect { try source.read(.train, decodingAll: true) } throws: { "\($0)".contains("cut.jpg: ") }
    let dataset = try source.read(.train, skipBad: true)
    #expect(dataset.samples.count == 1 && dataset.skipped.count == 2)
    let statistics = try source.check(.train)
    #expect(statistics.skippedCount == 2 && statistics.text().contains("cut.jpg"))
  }
}

/// Label files that readers are known to stumble over.
@Suite(.enabled(if: TestData.exists("hard-labels")))
struct HardYOLOLabelsTests {
  private func read(_ name: String) throws -> Dataset {
    let folder = try TemporaryFolder()
    try folder.writeGray("images/train/a.png")
    try folder.write(
      String(
        decoding: Data(contentsOf: URL(fileURLWithPath: TestData.path("hard-labels/" + name))),
        as: UTF8.self),
      as: "labels/train/a.txt")
    return try DataSource(format: .yolo, root: folder.url.path, classNames: ["person", "car"])
      .read(.train)
  }

  @Test(arguments: [
    ("yolo-empty.txt", 0, 0), ("yolo-only-newlines.txt", 0, 0), ("yolo-crlf-bom.txt", 2, 0),
    ("yolo-tabs-scientific.txt", 1, 0), ("yolo-out-of-range.txt", 1, 2), ("yolo-zero-wh.txt", 0, 1),
    ("yolo-polygon-mixed.txt", 2, 0), ("yolo-duplicates.txt", 1, 1),
  ])
  func `What can be read is`(name: String, boxCount: Int, mendedCount: Int) throws {
    let dataset = try read(name)
    #expect(dataset.samples[0].boxes.count == boxCount)
    #expect(dataset.skipped.count == mendedCount)
  }

  @Test(arguments: [
    "yolo-negative-wh.txt", "yolo-class-out-of-range.txt", "yolo-nan-inf.txt", "yolo-4-columns.txt",
  ])
  func `What cannot be read is named with its line`(name: String) {
    #expect { try read(name) } throws: { "\($0)".contains("labels/train/a.txt:1: ") }
  }
}
