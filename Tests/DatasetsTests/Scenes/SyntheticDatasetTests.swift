import Datasets
import Foundation
import Images
import Testing

@Suite struct SyntheticDatasetTests {
  private static let size = ImageSize(width: 160, height: 120)

  /// A folder that is removed afterwards.
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("edgewise-scenes-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  @discardableResult
  private func write(
    to path: String, seed: UInt64 = 4, images: Int = 5, workers: Int = 1
  ) throws -> SyntheticDataset.Outcome {
    try SyntheticDataset.write(
      kind: .parkingLot, images: images, validationImages: 2, seed: seed, size: Self.size,
      to: path, workers: workers)
  }

  private func files(_ path: String) throws -> [String: Data] {
    var result: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
      var isFolder: ObjCBool = false
      let full = path + "/" + name
      _ = FileManager.default.fileExists(atPath: full, isDirectory: &isFolder)
      if !isFolder.boolValue { result[name] = FileManager.default.contents(atPath: full) }
    }
    return result
  }

  @Test func `the same seed gives the same bytes in every file, however many workers`() throws {
    try withFolder { folder in
      #expect(try write(to: folder + "/a") == .written)
      #expect(try write(to: folder + "/b", workers: 3) == .written)
      let (a, b) = (try files(folder + "/a"), try files(folder + "/b"))
      #expect(a.count == 2 * 7 + 2)
      #expect(a == b)
      // Nothing is left beside them.
      let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(left == ["a", "b"])
    }
  }

  @Test func `more training pictures change neither the others nor the validation set`() throws {
    try withFolder { folder in
      try write(to: folder + "/a")
      try write(to: folder + "/b", images: 6)
      let (a, b) = (try files(folder + "/a"), try files(folder + "/b"))
      for (name, bytes) in a where name != "synthetic.json" { #expect(b[name] == bytes) }
      #expect(a["images/train/parking-lot-000000.jpg"] != a["images/val/parking-lot-000000.jpg"])
    }
  }

  @Test func `labels read back are the scene's boxes`() throws {
    try withFolder { folder in
      try write(to: folder + "/a")
      let generator = SceneGenerator(kind: .parkingLot, seed: 4, size: Self.size)
      for (split, first, count) in [
        ("train", 0, 5), ("val", SyntheticDataset.firstValidationIndex, 2),
      ] {
        for i in 0..<count {
          let text = try String(
            contentsOfFile: folder + "/a/labels/\(split)/parking-lot-00000\(i).txt",
            encoding: .utf8)
          let lines = text.split(separator: "\n")
          let boxes = generator.scene(index: first + i).boxes
          try #require(lines.count == boxes.count)
          for (line, box) in zip(lines, boxes) {
            let words = line.split(separator: " ")
            try #require(words.count == 5)
            #expect(Int(words[0]) == box.classIndex)
            let v = try words.dropFirst().map { try #require(Float($0)) }
            let read = SIMD4(
              (v[0] - v[2] / 2) * 160, (v[1] - v[3] / 2) * 120, (v[0] + v[2] / 2) * 160,
              (v[1] + v[3] / 2) * 120)
            // Six decimals of 160 pixels, twice rounded.
            for k in 0..<4 { #expect(abs(read[k] - box.corners[k]) < 5e-4) }
          }
        }
      }
    }
  }

  @Test func `a complete set with the same settings is reused untouched`() throws {
    try withFolder { folder in
      let path = folder + "/set"
      try write(to: path)
      let before = try FileManager.default.attributesOfItem(atPath: path + "/data.yaml")
      #expect(try write(to: path) == .reused)
      let after = try FileManager.default.attributesOfItem(atPath: path + "/data.yaml")
      #expect(before[.modificationDate] as? Date == after[.modificationDate] as? Date)
    }
  }

  @Test func `a folder with anything else is refused and left alone`() throws {
    try withFolder { folder in
      let path = folder + "/set"
      try write(to: path)
      #expect(throws: SyntheticDatasetError.self) { try write(to: path, seed: 5) }
      #expect(throws: SyntheticDatasetError.self) { try write(to: path, images: 6) }
      // A damaged set is not a complete one.
      try FileManager.default.removeItem(atPath: path + "/labels/val/parking-lot-000001.txt")
      #expect(throws: SyntheticDatasetError.self) { try write(to: path) }

      let mine = folder + "/mine"
      try FileManager.default.createDirectory(atPath: mine, withIntermediateDirectories: true)
      try Data("mine".utf8).write(to: URL(fileURLWithPath: mine + "/notes.txt"))
      #expect(throws: SyntheticDatasetError.self) { try write(to: mine) }
      let left = try FileManager.default.contentsOfDirectory(atPath: mine)
      #expect(left == ["notes.txt"])
      #expect(throws: SyntheticDatasetError.self) { try write(to: mine + "/notes.txt") }
    }
  }

  @Test func `an empty folder is filled`() throws {
    try withFolder { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/set", withIntermediateDirectories: true)
      #expect(try write(to: folder + "/set") == .written)
    }
  }

  @Test func `numbers out of range end in one sentence and write nothing`() throws {
    try withFolder { folder in
      for (images, validation, side) in [(0, 0, 160), (1, -1, 160), (1, 0, 8)] {
        #expect {
          try SyntheticDataset.write(
            kind: .pedestrians, images: images, validationImages: validation, seed: 1,
            size: ImageSize(width: side, height: 160), to: folder + "/set")
        } throws: { error in
          guard case .invalidSetting = error as? SyntheticDatasetError else { return false }
          return "\(error)".hasSuffix(".")
        }
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }
}
