import Datasets
import Foundation
import Images
import Testing

@Suite struct FingerprintTests {
  static func dataset(
    folder: String = "/a/", name: String = "1.jpg", classes: [String] = ["car"], x: Float = 3
  ) -> Dataset {
    Dataset(
      classNames: classes,
      samples: [
        Sample(
          imagePath: folder + name,
          boxes: [LabeledBox(classIndex: 0, corners: [x, 0, 10, 10])], identifier: 0,
          size: ImageSize(width: 40, height: 20)),
        Sample(imagePath: folder + "2.jpg", boxes: [], identifier: 1),
      ])
  }

  private func fingerprint(_ dataset: Dataset) throws -> String {
    try dataset.facts(readingContents: false).fingerprint
  }

  @Test func `the same data elsewhere has the same fingerprint`() throws {
    let here = try fingerprint(Self.dataset())
    #expect(try here == fingerprint(Self.dataset(folder: "/b/c/")))
    #expect(here.hasPrefix("v2-") && here.count == 19)
  }

  @Test func `names, classes, boxes and order change it`() throws {
    var reversed = Self.dataset()
    reversed.samples.reverse()
    var ignoring = Self.dataset()
    ignoring.samples[1].ignoredBoxes = ignoring.samples[0].boxes
    let all = try [
      Self.dataset(), Self.dataset(name: "3.jpg"), Self.dataset(classes: ["cart"]),
      Self.dataset(classes: ["c", "ar"]), Self.dataset(x: 3.5), reversed, ignoring,
    ].map(fingerprint)
    #expect(Set(all).count == all.count)
  }

  @Test func `every byte of a file counts, or the length and spread blocks of a long one`() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "hash-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    func hash(_ count: Int, changed: Int? = nil) throws -> UInt64 {
      var bytes = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) })
      if let changed { bytes[changed] ^= 1 }
      try bytes.write(to: file)
      return try ImageFile.contentHash(file.path)
    }
    var seen: Set<UInt64> = []
    for count in [0, 1, 7, 8, 9, 262_143, 262_144, 262_145, 1_000_000] {
      #expect(try seen.insert(hash(count)).inserted)
      #expect(try hash(count) == hash(count))
      guard count > 0 else { continue }
      for place in Set([0, count - 1]) {
        #expect(try seen.insert(hash(count, changed: place)).inserted)
      }
    }
    #expect(try seen.insert(hash(262_144, changed: 131_071)).inserted)
    #expect(throws: ImageError.self) { try ImageFile.contentHash("/no/such/file") }
    #expect(throws: ImageError.self) { try ImageFile.contentHash("/dev/zero") }
  }

  private func facts(_ names: [String], boxes: Int = 1) -> DatasetFacts {
    DatasetFacts(
      classNames: ["car"],
      samples: names.map { .init(name: $0, boxCount: boxes, labelHash: 1, contentHash: 2) })
  }

  @Test func `the first image that differs is found in words`() {
    let words = DatasetWords(split: "training", we: "rank 1 (b)", they: "rank 0 (a)")
    let all = facts(["1.jpg", "2.jpg", "3.jpg"])
    #expect(all.firstDifference(from: all, words) == nil)
    #expect(
      facts(["1.jpg", "3.jpg"]).firstDifference(from: all, words)
        == "the first difference is training image 2: 3.jpg for rank 1 (b), 2.jpg for rank 0 (a)")
    #expect(
      facts(["1.jpg", "2.jpg"]).firstDifference(from: all, words)
        == "the first difference is training image 3: 3.jpg, which rank 1 (b) does not have")
    #expect(
      facts(["1.jpg", "2.jpg"]).summary.clauses(against: all.summary, words) == [
        "rank 1 (b) has 2 training images, rank 0 (a) 3",
        "rank 1 (b) has 2 boxes in its training images, rank 0 (a) 3",
      ])
    #expect(
      facts(["1.jpg", "3.jpg"]).firstDifference(from: all.summary, words)
        == "the first that differs is number 2, which is 3.jpg here")
  }

  /// A checkpoint's part must not grow with the data, and its numbers may be anything.
  @Test func `a summary of many images stays small and survives any numbers`() {
    let words = DatasetWords(split: "training", we: "this run", they: "the checkpoint")
    let many = facts((0..<20_000).map { "\($0).jpg" })
    let summary = many.summary
    #expect(summary.blocks.utf8.count == 8 * 2500)
    var other = many
    other.samples[17_000].labelHash = 3
    #expect(
      other.firstDifference(from: summary, words)
        == "the first that differs is number 17001, which is 17000.jpg here or one of the 7 behind it"
    )
    for count in [Int.min, -1, 0, 3, Int.max] {
      for blocks in ["", "0", "nonsense", summary.blocks] {
        let saved = DatasetSummary(
          fingerprint: "v2-0", classNames: [], imageCount: count, boxCount: count, blocks: blocks)
        _ = many.firstDifference(from: saved, words)
        _ = many.summary.clauses(against: saved, words)
      }
    }
  }
}
