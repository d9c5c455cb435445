import Datasets
import Foundation
import Images
import Testing

@Suite struct COCOReaderTests {
  private func read(
    images: String =
      #"[{"id": 7, "file_name": "a.png", "width": 64, "height": 48}, "#
      + #"{"id": 3, "file_name": "b.png"}]"#,
    annotations: String = "[]",
    categories: String = #"[{"id": 3, "name": "car"}, {"id": 1, "name": "person"}]"#,
    skipBad: Bool = false
  ) throws -> Dataset {
    let folder = try TemporaryFolder()
    try folder.writeGray("pictures/a.png", 64, 48)
    try folder.writeGray("pictures/b.png", 64, 48)
    try folder.write(
      #"{"images": \#(images), "annotations": \#(annotations), "categories": \#(categories)}"#,
      as: "train.json")
    let source = DataSource(
      format: .coco, root: folder.url.path, train: "train.json", images: "pictures")
    return try source.read(.train, skipBad: skipBad)
  }

  private func annotation(
    _ id: Int = 1, image: Int = 7, category: Int = 3, bbox: String = "[4, 8, 10, 20]",
    crowd: Int = 0
  ) -> String {
    #"{"id": \#(id), "image_id": \#(image), "category_id": \#(category), "bbox": \#(bbox), "#
      + #""iscrowd": \#(crowd)}"#
  }

  @Test func `Classes follow the ids, pictures the file`() throws {
    let dataset = try read(
      annotations: "[\(annotation(1)), \(annotation(2, category: 1, bbox: "[0.5, 1, 2, 3]"))]")
    #expect(dataset.classNames == ["person", "car"])
    #expect(dataset.samples.map(\.identifier) == [7, 3])
    #expect(
      dataset.samples[0].boxes == [
        LabeledBox(classIndex: 1, corners: [4, 8, 14, 28]),
        LabeledBox(classIndex: 0, corners: [0.5, 1, 2.5, 4]),
      ])
    #expect(dataset.samples[1].boxes.isEmpty)
  }

  @Test func `A crowd is a region to ignore`() throws {
    let dataset = try read(annotations: "[\(annotation(1, crowd: 1))]")
    #expect(dataset.samples[0].boxes.isEmpty)
    #expect(dataset.samples[0].ignoredBoxes.count == 1)
  }

  @Test func `Ids beyond 2⁵³ are exact`() throws {
    let dataset = try read(images: #"[{"id": 9007199254740993, "file_name": "a.png"}]"#)
    #expect(dataset.samples[0].identifier == 9_007_199_254_740_993)
  }

  @Test func `Contradictions are named`() throws {
    for (annotations, cause) in [
      ("[\(annotation(image: 99))]", "image 99"), ("[\(annotation(category: 2))]", "category 2"),
      ("[\(annotation(bbox: "[1, 2, 3]"))]", "bbox"),
      ("[\(annotation(bbox: "[1, 2, -3, 4]"))]", "negative"),
      ("[\(annotation(bbox: "[NaN, 2, 3, 4]"))]", "NaN"),
      ("[\(annotation(bbox: #"["x", 2, 3, 4]"#))]", "annotations[0].bbox[0]"),
      (#"[{"id": 1}]"#, "annotations[0] has no 'image_id'"),
    ] {
      #expect("\(cause)") {
        try read(annotations: annotations)
      } throws: { "\($0)".contains("train.json") && "\($0)".contains(cause) }
    }
    for (images, cause) in [
      (#"[{"id": 1, "file_name": "a.png"}, {"id": 1, "file_name": "b.png"}]"#, "image id 1"),
      (#"[{"id": 1, "file_name": "../a.png"}]"#, "leaves"),
      (#"[{"id": 1, "file_name": "..\\a.png"}]"#, "leaves"),
      (#"[{"id": 1, "file_name": "../\u0301/a.png"}]"#, "leaves"),
      (#"[{"id": 1, "file_name": "/etc/hostname"}]"#, "leaves"),
      (#"[{"id": 1, "file_name": "missing.png"}]"#, "missing.png"),
      (#"[{"id": 1, "file_name": "a.png", "width": 48, "height": 64}]"#, "48x64"),
    ] {
      #expect("\(cause)") { try read(images: images) } throws: { "\($0)".contains(cause) }
    }
    #expect { try read(categories: "[]") } throws: { "\($0)".contains("no categories") }
  }

  @Test func `What is bad is listed when bad data is skipped`() throws {
    let dataset = try read(
      annotations: "[\(annotation(category: 2)), \(annotation(2, image: 3)), "
        + "\(annotation(2, image: 3)), \(annotation(4, image: 99))]", skipBad: true)
    #expect(dataset.samples.map(\.identifier) == [3])
    #expect(dataset.samples[0].boxes.count == 1)
    #expect(dataset.skipped.count == 3)
  }

  @Test func `Repeated annotation ids are a note, and every box stays`() throws {
    let dataset = try read(
      annotations: "[\(annotation(1)), \(annotation(1, bbox: "[1, 2, 3, 4]")), "
        + "\(annotation(1, image: 3))]")
    #expect(dataset.samples.map(\.boxes.count) == [2, 1])
    #expect(dataset.skipped.isEmpty)
    #expect(dataset.report.findings.map(\.count) == [2])
    #expect(dataset.report.lines.contains { $0.contains("annotation ids") })
  }

  @Test func `An image never loses some annotations: it goes as a whole`() throws {
    for bad in [annotation(2, category: 2), annotation(2, bbox: "[1, 2, 3]")] {
      let dataset = try read(
        annotations: "[\(annotation(1)), \(bad), \(annotation(3, image: 3))]", skipBad: true)
      #expect(dataset.samples.map(\.identifier) == [3])
      #expect(dataset.skipped.map(\.kind) == [.skipped])
    }
    // Nothing says which of two images of one id the annotations belong to.
    let images = #"[{"id": 7, "file_name": "a.png"}, {"id": 7, "file_name": "b.png"}]"#
    #expect {
      try read(images: images, annotations: "[\(annotation(1))]", skipBad: true)
    } throws: { "\($0)".contains("image id 7 occurs twice") }
  }

  @Test func `Backslashes are read as slashes where that file is there`() throws {
    let dataset = try read(images: #"[{"id": 1, "file_name": ".\\a.png"}]"#)
    #expect(dataset.samples[0].imagePath.hasSuffix("pictures/./a.png"))
    #expect(dataset.report.findings.map(\.count) == [1])
    for name in [#"..\\a.png"#, #"c\\a.png"#] {
      #expect { try read(images: #"[{"id": 1, "file_name": "\#(name)"}]"#) } throws: {
        "\($0)".contains("image 1")
      }
    }
  }

  @Test func `A folder that both file names and recipe have is named`() throws {
    #expect {
      try read(images: #"[{"id": 1, "file_name": "pictures/a.png"}]"#)
    } throws: {
      "\($0)".contains("pictures/pictures/a.png")
        && "\($0)".contains("its folder is in the file name")
    }
  }

  @Test func `Boxes that are fractions are refused`() throws {
    #expect {
      try read(annotations: "[\(annotation(bbox: "[0.1, 0.2, 0.5, 0.5]"))]")
    } throws: { "\($0)".contains("look like fractions") }
    #expect(
      try read(annotations: "[\(annotation(bbox: "[0, 0, 2, 1]"))]").samples[0].boxes.count == 1)
  }

  @Test func `Numbers at the edge of what JSON can say are clipped or refused, not trapped on`()
    throws
  {
    let far = try read(annotations: "[\(annotation(bbox: "[1, 1, 1e308, 1.7e308]"))]")
    #expect(far.samples[0].boxes == [LabeledBox(classIndex: 1, corners: [1, 1, 64, 48])])
    for image in [
      #"{"id": 9223372036854775807, "file_name": "a.png", "width": 9223372036854775807, "height": 1}"#,
      #"{"id": -9223372036854775808, "file_name": "a.png", "width": -1, "height": -1}"#,
      #"{"id": 1e30, "file_name": "a.png"}"#,
    ] {
      #expect(throws: DataError.self) { try read(images: "[\(image)]") }
    }
  }
}

/// COCO files that readers are known to stumble over, and real ones.
@Suite struct HardCOCOTests {
  private func read(_ name: String) throws -> Dataset {
    let folder = try TemporaryFolder()
    for picture in ["a.jpg", "b.jpg", "c.jpg"] { try folder.writeGray(picture) }
    try FileManager.default.copyItem(
      atPath: TestData.path("hard-labels/" + name), toPath: folder.path("train.json"))
    return try DataSource(format: .coco, root: folder.url.path, train: "train.json").read(.train)
  }

  @Test(
    .enabled(if: TestData.exists("hard-labels")),
    arguments: [
      ("coco-unknown-image.json", "image 99"), ("coco-unknown-category.json", "category 2"),
      ("coco-duplicate-ids.json", "occurs twice"), ("coco-path-traversal.json", "leaves"),
      ("coco-nan.json", "JSON"),
    ])
  func `Bad files are refused`(name: String, cause: String) {
    #expect { try read(name) } throws: { "\($0)".contains(cause) }
  }

  @Test(.enabled(if: TestData.exists("hard-labels")))
  func `Odd but good files are read`() throws {
    let gaps = try read("coco-gaps-in-category-ids.json")
    #expect(gaps.samples.map(\.boxes.count) == [1, 0])
    #expect(gaps.samples[0].boxes[0].classIndex == 1)
    let crowd = try read("coco-crowd-rle.json")
    #expect(crowd.samples[0].boxes.isEmpty && crowd.samples[0].ignoredBoxes.count == 1)
    #expect(try read("coco-big-ids.json").samples[0].identifier == 9_007_199_254_740_993)
  }

  @Test(.enabled(if: TestData.exists("acpds")))
  func `The parking lots of ACPDS are read whole`() throws {
    let source = DataSource(
      format: .coco, root: TestData.path("acpds"), train: "coco-fixed-1000/train.json",
      validation: "coco-fixed-1000/valid.json", images: "images-1000")
    let train = try source.read(.train)
    let validation = try source.read(.validation)
    #expect(train.samples.count == 231 && validation.samples.count == 35)
    #expect(train.classNames.count == 2)
    #expect(train.samples.allSatisfy { !$0.boxes.isEmpty })
  }
}
