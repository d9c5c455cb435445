import Datasets
import Foundation
import Glibc
import Images
import Testing

/// Folders and files that are not what they seem.
@Suite struct HostileFolderTests {
  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for i in 0..<5 {
      try folder.writeGray("images/train/\(i).png", 64, 48)
      try folder.write("0 0.5 0.5 0.2 0.2\n", as: "labels/train/\(i).txt")
    }
    return folder
  }

  private func read(_ folder: TemporaryFolder, train: String? = nil) throws -> Dataset {
    try DataSource(format: .yolo, root: folder.url.path, train: train, classNames: ["a"])
      .read(.train)
  }

  @Test func `Links to folders around do not multiply images, and circles end`() throws {
    let folder = try folder()
    for (link, target) in [
      ("images/train/up", ".."), ("images/train/self", "."), ("images/train/root", "../.."),
      ("images/train/slash", "/"), ("images/other", "train"),
    ] { #expect(symlink(target, folder.path(link)) == 0) }
    for train in ["images/train", "images"] {
      let dataset = try read(folder, train: train)
      #expect(dataset.samples.count == 5 && dataset.report.withBoxes == 5)
      #expect(dataset.report.findings.first?.what.contains("not followed") == true)
    }
    // What is a link itself is read.
    #expect(try read(folder, train: "images/other").samples.count == 5)
  }

  @Test func `A linked folder elsewhere is read, once`() throws {
    let folder = try folder()
    let other = try TemporaryFolder()
    try other.writeGray("deep/x.png", 64, 48)
    for name in ["a", "b"] {
      #expect(symlink(other.url.path, folder.path("images/train/\(name)")) == 0)
    }
    let dataset = try read(folder)
    #expect(dataset.samples.count == 6)
    #expect(dataset.report.findings.map(\.count) == [1])
  }

  @Test func `Names that are not UTF-8 are counted, for they would collide`() throws {
    let folder = try folder()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.path("images/train/0.png")))
    for byte: UInt8 in [0xE9, 0xEA] {
      let name = Array(folder.path("images/train/x").utf8) + [byte] + Array(".png".utf8) + [0]
      let file = name.withUnsafeBufferPointer { name in
        name.withMemoryRebound(to: CChar.self) { fopen($0.baseAddress!, "w") }
      }
      try #require(file != nil)
      _ = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
      fclose(file)
    }
    let dataset = try read(folder)
    #expect(dataset.samples.count == 5)
    #expect(dataset.report.passedOver.map(\.count) == [2])
    #expect(dataset.report.lines[1].contains("x\\xE9.png"))
  }

  @Test func `Names that only look alike are two images`() throws {
    let folder = try folder()
    for name in ["\u{E9}", "e\u{301}"] { try folder.writeGray("images/train/\(name).png", 64, 48) }
    try folder.write(
      "images/train/\u{E9}.png\nimages/train/e\u{301}.png\nimages/train/0.png\n", as: "list.txt")
    for train in ["images/train", "list.txt"] {
      let dataset = try read(folder, train: train)
      #expect(dataset.samples.count == (train == "list.txt" ? 3 : 7))
      #expect(
        !dataset.report.findings.contains { $0.what.contains("again") || $0.what.contains("share") }
      )
    }
  }

  @Test func `Pipes and devices are refused wherever a file is expected`() throws {
    for name in ["images/train/p.png", "labels/train/0.txt", "list.txt", "data.yaml"] {
      let folder = try folder()
      try? FileManager.default.removeItem(atPath: folder.path(name))
      #expect(mkfifo(folder.path(name), 0o600) == 0)
      #expect("\(name)") {
        try read(folder, train: name == "list.txt" ? "list.txt" : nil)
      } throws: { "\($0)".contains(name) && "\($0)".contains("not a regular file") }
    }
    let folder = try folder()
    #expect(symlink("/dev/zero", folder.path("images/train/z.jpg")) == 0)
    #expect { try read(folder) } throws: { "\($0)".contains("z.jpg") }
  }

  @Test func `Files too large are refused before they are read`() throws {
    for name in ["images/train/big.jpg", "labels/train/0.txt", "list.txt", "data.yaml"] {
      let folder = try folder()
      if !FileManager.default.fileExists(atPath: folder.path(name)) {
        try folder.write("", as: name)
      }
      #expect(truncate(folder.path(name), 20 << 30) == 0)
      let start = ContinuousClock.now
      #expect("\(name)") {
        try read(folder, train: name == "list.txt" ? "list.txt" : nil)
      } throws: { "\($0)".contains("21474836480 bytes, more than the limit of") }
      #expect(ContinuousClock.now - start < .seconds(2))
    }
  }

  @Test func `A label file that is a broken link is not taken for none`() throws {
    let folder = try folder()
    try FileManager.default.removeItem(atPath: folder.path("labels/train/2.txt"))
    #expect(symlink("nowhere", folder.path("labels/train/2.txt")) == 0)
    #expect { try read(folder) } throws: { "\($0)".contains("labels/train/2.txt") }
  }

  @Test(arguments: [
    "names: person\ntrain: images/train\n", "names: [a, '']\ntrain: images/train\n",
    "names: [a, a]\ntrain: images/train\n", "names: [a, ' ']\ntrain: images/train\n",
    "names: {0: a, 2: b}\ntrain: images/train\n", "names: {a: 0}\ntrain: images/train\n",
    "names:\nnc: 2\ntrain: images/train\n", "nc: 1:1:1:1:1:1:1:1:1:1:1:1:1\ntrain: images/train\n",
    "names: [a]\nnc: 9223372036854775808\ntrain: images/train\n", "nc: 99999999\ntrain: images\n",
    "names: [a]\ntrain: {x: 1}\n", "names: [a]\ntrain: \"images\\0/train\"\n",
  ])
  func `A data.yaml that says nothing clear is refused`(yaml: String) throws {
    let folder = try folder()
    try folder.write(yaml, as: "data.yaml")
    #expect { try read(folder) } throws: {
      "\($0)".contains("data.yaml") && !"\($0)".contains("class0")
    }
  }

  @Test(arguments: ["\n", "\r"])
  func `A list of ten million empty lines is refused before they are taken apart`(
    end: String
  ) throws {
    let folder = try folder()
    let bytes = [UInt8](repeating: end.utf8.first ?? 0, count: 10_000_001)
    _ = try folder.write(bytes, as: "list.txt")
    #expect { try read(folder, train: "list.txt") } throws: {
      "\($0)".contains("list.txt") && "\($0)".contains("more lines than the limit of 10000000")
    }
  }

  @Test(arguments: ["0 68 6 23 19", "0 55.5 40 10 10", "0 0.5 0.5 3 0.2", "0 5 5 9 5 9 9 5 9"])
  func `Pixels and per cent are refused with file and line`(row: String) throws {
    let folder = try folder()
    try folder.write("0 0.5 0.5 0.1 0.1\n" + row, as: "labels/train/3.txt")
    #expect { try read(folder) } throws: {
      "\($0)".contains("labels/train/3.txt:2") && "\($0)".contains("looks like pixels")
    }
    try folder.write("0 0.5 0.5 1.02 0.1\n", as: "labels/train/3.txt")
    #expect(try read(folder).samples[3].boxes.count == 1)
  }
}
