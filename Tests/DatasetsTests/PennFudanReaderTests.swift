import Datasets
import Foundation
import Images
import Testing

@Suite struct PennFudanReaderTests {
  private func folder(_ boxLine: String, size: String = "60 x 40 x 3") throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for i in 0..<11 {
      try folder.writeGray("PNGImages/p\(i + 10).png", 60, 40)
      try folder.write(
        "# Compatible with PASCAL Annotation Version 1.00\r\n"
          + "Image size (X x Y x C) : \(size)\r\n" + boxLine + "\r\n",
        as: "Annotation/p\(i + 10).txt")
    }
    return folder
  }

  private let prefix =
    #"Bounding box for object 1 "PASpersonWalking" (Xmin, Ymin) - (Xmax, Ymax) : "#

  @Test func `Inclusive pixels counted from one become corners`() throws {
    let folder = try folder(prefix + "(1, 11) - (60, 30)")
    let source = DataSource(format: .pennFudan, root: folder.url.path)
    let validation = try source.read(.validation)
    #expect(validation.samples.map(\.identifier) == [0, 5, 10])
    #expect(try source.read(.train).samples.map(\.identifier) == [1, 2, 3, 4, 6, 7, 8, 9])
    #expect(validation.classNames == ["person"])
    #expect(
      validation.samples[0].boxes == [LabeledBox(classIndex: 0, corners: [0, 10, 60, 30])])
  }

  @Test func `As many boxes as declared are there, or the file is refused`() throws {
    let boxes = prefix + "(1, 11) - (60, 30)"
    for (count, isRead) in [(1, true), (2, false), (0, false)] {
      let folder = try folder("Objects with ground truth : \(count) { }\r\n" + boxes)
      let source = DataSource(format: .pennFudan, root: folder.url.path)
      if isRead {
        #expect(try source.read(.train).report.boxRows == 8)
      } else {
        #expect { try source.read(.train) } throws: { "\($0)".contains("objects are declared") }
      }
    }
  }

  @Test func `A box or size that cannot be is named with its line`() throws {
    for (line, size, place) in [
      ("(10, 5) - (9, 20)", "60 x 40 x 3", "p11.txt:3"), ("(0, 5) - (9, 20)", "60 x 40 x 3", ":3"),
      ("(1, 5) - (9)", "60 x 40 x 3", ":3"), ("(1, 5) - (9, 20)", "40 x 60 x 3", ":2"),
    ] {
      let folder = try folder(prefix + line, size: size)
      #expect("\(line)") {
        try DataSource(format: .pennFudan, root: folder.url.path).read(.train)
      } throws: { "\($0)".contains(place) }
    }
  }

  @Test func `Numbers beyond 64 bits are no box and no size`() throws {
    let huge = "99999999999999999999"
    for (line, size) in [
      ("(1, 5) - (\(huge), 20)", "60 x 40 x 3"), ("(1, 5) - (9, 20)", "\(huge) x 40 x 3"),
      ("(-9223372036854775808, 5) - (9, 20)", "60 x 40 x 3"),
    ] {
      let folder = try folder(prefix + line, size: size)
      #expect(throws: DataError.self, "\(line)") {
        try DataSource(format: .pennFudan, root: folder.url.path).read(.train)
      }
    }
    let largest = try folder(prefix + "(1, 5) - (9223372036854775807, 20)")
    let source = DataSource(format: .pennFudan, root: largest.url.path)
    #expect(try source.read(.validation).samples[0].boxes[0].corners == [0, 4, 60, 20])
  }

  @Test(arguments: [1, 0, -1, Int.min])
  func `A validationEvery that was decoded or set is refused below 2`(every: Int) throws {
    let folder = try folder(prefix + "(1, 11) - (60, 30)")
    var source = DataSource(format: .pennFudan, root: folder.url.path)
    source.validationEvery = every
    #expect { try source.read(.train) } throws: {
      "\($0)".contains("validationEvery is \(every), expected 2 or more")
    }
  }

  @Test(.enabled(if: TestData.exists("penn-fudan")))
  func `The real pedestrians split into 136 and 34`() throws {
    let source = DataSource(format: .pennFudan, root: TestData.path("penn-fudan"))
    let train = try source.read(.train)
    let validation = try source.read(.validation)
    #expect(train.samples.count == 136 && validation.samples.count == 34)
    #expect(validation.samples[0].imagePath.hasSuffix("FudanPed00001.png"))
    #expect(validation.samples[0].boxes[0].corners == [159, 181, 302, 431])
    #expect((train.samples + validation.samples).reduce(0) { $0 + $1.boxes.count } == 423)
  }
}
