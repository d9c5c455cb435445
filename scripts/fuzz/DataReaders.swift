import Datasets
import Detection
import Foundation
import Images

// The readers of data sets: each input becomes one file of a data set that is otherwise whole.

private let photo: [UInt8] = try! sampleImage().encodedJPEG()

/// 12 x 9 pixels of a gradient.
private func sampleImage() -> Image {
  Image(
    width: 12, height: 9, pixels: (0..<12 * 9 * 3).map { UInt8(truncatingIfNeeded: $0 * 7) })
}

private func text(_ string: String) -> [UInt8] { Array(string.utf8) }

private func read(_ source: DataSource) {
  for skipBad in [false, true] { _ = try? source.read(.train, skipBad: skipBad) }
}

private let yaml = """
  path: .
  train: images/train
  val: images/train
  nc: 2
  names: {0: car, 1: person}

  """

let dataYAML = FuzzedReader {
  [
    text(yaml), text("train: [images/train, images/train]\nnames: [car, 'person']\n"),
    text("train: images/train\nnc: 3\n"), text("a: &a [x, y]\nnames: *a\ntrain: images/train\n"),
    text("names:\n  - car\n# a comment\ntrain: ../images/train\nkpt_shape: [17, 3]\n"),
  ]
} read: { folder, input in
  folder.keep(photo, as: "yaml/images/train/a.jpg")
  folder.keep(text("0 0.5 0.5 0.25 0.25\n"), as: "yaml/labels/train/a.txt")
  folder.write(input, to: "yaml/data.yaml")
  read(DataSource(format: .yolo, root: "\(folder.path)/yaml"))
}

let labels = FuzzedReader {
  [
    text("0 0.5 0.5 0.25 0.25\n1 0.1 0.2 0.1 0.1\n"), text("0 0.1 0.1 0.9 0.1 0.5 0.9\n"),
    text("1\t1e-3 .5 +0.5 1.\r\n\r\n0 1e300 1e300 1e300 1e300"),
    text("0 0.5 0.5 0.2 0.2 0.4 0.4 2 0.6 0.6 2\n"), text("9223372036854775807 nan inf 0x1p3 -0\n"),
  ]
} read: { folder, input in
  folder.keep(photo, as: "labels/images/train/a.jpg")
  folder.keep(text(yaml), as: "labels/data.yaml")
  folder.write(input, to: "labels/labels/train/a.txt")
  read(DataSource(format: .yolo, root: "\(folder.path)/labels"))
}

let list = FuzzedReader {
  [
    text("./images/a.jpg\nimages/a.jpg\n"), text("images/a.jpg\r\n# no\nimages/b.png\n"),
    text("\u{FEFF}./images/a.jpg\n\n/nowhere/x.jpg\n"),
  ]
} read: { folder, input in
  folder.keep(photo, as: "list/images/a.jpg")
  folder.keep(text("0 0.5 0.5 0.25 0.25\n"), as: "list/labels/a.txt")
  folder.keep(
    text("train: train.txt\nval: train.txt\nnames: [car, person]\n"), as: "list/data.yaml")
  folder.write(input, to: "list/train.txt")
  read(DataSource(format: .yolo, root: "\(folder.path)/list"))
}

private let annotations = """
  {"images": [{"id": 1, "file_name": "a.jpg", "width": 12, "height": 9}],
   "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 5.5, 4], "iscrowd": 0,
     "area": 22, "segmentation": [[1, 2, 3, 4, 5, 6]]}],
   "categories": [{"id": 7, "name": "car"}, {"id": 9, "name": "\\u0070erson"}]}
  """

let coco = FuzzedReader {
  [
    text(annotations),
    text(
      annotations.replacingOccurrences(of: "\"id\": 1", with: "\"id\": 9223372036854775807")
        .replacingOccurrences(of: "[1, 2, 5.5, 4]", with: "[-1e308, 2, 1e308, 1e-320]")),
  ]
} read: { folder, input in
  folder.keep(photo, as: "coco/a.jpg")
  folder.write(input, to: "coco/train.json")
  read(DataSource(format: .coco, root: "\(folder.path)/coco", train: "train.json"))
}

/// Two bytes with the length of the ground truth, the ground truth, the detections.
let cocoScores = FuzzedReader {
  [
    joined(
      text(annotations),
      text("[{\"image_id\": 1, \"category_id\": 7, \"bbox\": [1, 2, 5, 4], \"score\": 0.5}]"))
  ]
} read: { folder, input in
  let (truth, found) = parted(input)
  guard let truth = try? COCOGroundTruth(data: Data(truth), file: "truth") else { return }
  guard let found = try? COCODetections(data: Data(found), file: "found") else { return }
  _ = try? evaluate(found, against: truth)
}

let pennFudan = FuzzedReader {
  [
    text(
      """
      # Compatible with PASCAL Annotation Version 1.00
      Image filename : "PennFudanPed/PNGImages/a.png"
      Image size (X x Y x C) : 12 x 9 x 3
      Objects with ground truth : 1 { "PASpersonWalking" }
      Bounding box for object 1 "PASpersonWalking" (Xmin, Ymin) - (Xmax, Ymax) : (2, 3) - (9, 8)

      """)
  ]
} read: { folder, input in
  folder.keep(try! sampleImage().encodedPNG(), as: "penn/PNGImages/a.png")
  folder.keep(try! sampleImage().encodedPNG(), as: "penn/PNGImages/b.png")
  folder.keep(text("Image size (X x Y x C) : 12 x 9 x 3\n"), as: "penn/Annotation/b.txt")
  folder.write(input, to: "penn/Annotation/a.txt")
  for split in [DataSource.Split.train, .validation] {
    _ = try? DataSource(format: .pennFudan, root: "\(folder.path)/penn").read(split)
  }
}

let image = FuzzedReader {
  let size = sampleImage()
  // An EXIF block with the orientation 6 behind the start of the JPEG.
  let exif: [UInt8] =
    [0xFF, 0xE1, 0, 34] + text("Exif") + [0, 0] + text("MM") + [0, 42, 0, 0, 0, 8, 0, 1]
    + [1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
  return [
    try size.encodedJPEG(), try size.encodedPNG(),
    Array(photo[..<2]) + exif + Array(photo[2...]),
    try Image(width: 1, height: 1, fill: 200).encodedPNG(),
    try Image(width: 300, height: 5, fill: 100).encodedJPEG(quality: 20),
  ]
} read: { folder, input in
  folder.write(input, to: "image")
  let path = "\(folder.path)/image"
  _ = try? ImageFile.probe(path)
  _ = try? ImageFile.decode(path)
  _ = try? ImageFile.decode(path, atLeast: 4)
}

/// Two files as one input: the first behind two bytes with its length.
func joined(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
  [UInt8(truncatingIfNeeded: first.count), UInt8(truncatingIfNeeded: first.count >> 8)] + first
    + second
}

func parted(_ input: [UInt8]) -> ([UInt8], [UInt8]) {
  guard input.count >= 2 else { return ([], []) }
  let length = min(Int(input[0]) | Int(input[1]) << 8, input.count - 2)
  return (Array(input[2..<2 + length]), Array(input[(2 + length)...]))
}
