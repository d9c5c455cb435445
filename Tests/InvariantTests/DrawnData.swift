import Foundation
import Testing

/// A small YOLO data set of drawn scenes, and copies of it with one thing changed.
struct DrawnData {
  let folder: URL

  /// - Parameter images: to train on; four more validate.
  init(_ folder: URL, images: Int) throws {
    self.folder = folder
    let drawn = try Program.run([
      "data", "synthesize", "parking-lot", "--images", "\(images)", "--validation-images", "4",
      "--size", "128x96", "--output", folder.path,
    ])
    try #require(drawn.exitCode == 0, "\(drawn.errors)")
  }

  private init(_ folder: URL) { self.folder = folder }

  func copy(_ name: String) throws -> DrawnData {
    let other = folder.deletingLastPathComponent().appending(path: name)
    try FileManager.default.copyItem(at: folder, to: other)
    return DrawnData(other)
  }

  /// The options that train on this data, in a float phase of `epochs` and nothing more.
  func settings(epochs: Int = 1) -> [String] {
    [
      "data.format=yolo", "data.root=\(folder.path)", "schedule.floatEpochs=\(epochs)",
      "schedule.qatEpochs=0", "evaluation.everyEpochs=0", "export.formats=[]",
    ].flatMap { ["--set", $0] }
  }

  func images(_ split: String = "train") throws -> [URL] {
    try files("images/\(split)")
  }

  func labels(_ split: String = "train") throws -> [URL] {
    try files("labels/\(split)")
  }

  private func files(_ part: String) throws -> [URL] {
    let folder = folder.appending(path: part)
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
      folder.appending(path: $0)
    }
  }

  /// Takes the first `count` images away, with their labels.
  func remove(_ count: Int, _ split: String = "train") throws {
    for file in try images(split).prefix(count) + labels(split).prefix(count) {
      try FileManager.default.removeItem(at: file)
    }
  }

  /// Adds an image behind the others, with the labels of the first.
  func addImage() throws {
    let (image, label) = (try images()[0], try labels()[0])
    for file in [image, label] {
      try FileManager.default.copyItem(
        at: file,
        to: file.deletingLastPathComponent().appending(path: "zz-new.\(file.pathExtension)"))
    }
  }

  /// Gives a box of the first image that has any another width.
  func moveBoxes() throws -> String {
    try changeLabels { lines in
      var words = lines[0].split(separator: " ").map(String.init)
      words[3] = "0.0123"
      return [words.joined(separator: " ")] + lines.dropFirst().map(String.init)
    }
  }

  /// Drops a box of the first image that has any.
  func dropBox() throws -> String { try changeLabels { $0.dropFirst().map(String.init) } }

  private func changeLabels(_ change: ([Substring]) -> [String]) throws -> String {
    for file in try labels() {
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
      guard !lines.isEmpty else { continue }
      let text = change(lines).map { $0 + "\n" }.joined()
      try Data(text.utf8).write(to: file)
      return file.deletingPathExtension().lastPathComponent
    }
    return ""
  }

  /// Gives the first image the bytes of the second: the same name and size, other pixels.
  func swapPixels() throws -> String {
    let images = try images()
    try Data(contentsOf: images[1]).write(to: images[0])
    return images[0].lastPathComponent
  }

  /// Cuts the first image in the middle.
  func damageImage() throws -> String {
    let image = try images()[0]
    let bytes = try Data(contentsOf: image)
    try bytes.prefix(bytes.count / 2).write(to: image)
    return image.lastPathComponent
  }

  /// Gives the first class another name.
  func renameClass() throws {
    let file = folder.appending(path: "data.yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    let changed = text.replacingOccurrences(of: "empty", with: "vacant")
    try #require(changed != text, "\(text)")
    try Data(changed.utf8).write(to: file)
  }
}

extension Program.Outcome {
  /// Expects one sentence with this exit code and these parts.
  func expectRefusal(
    _ code: Int32, _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(exitCode == code, "\(output)\(errors)", sourceLocation: sourceLocation)
    #expect(sentences.count == 1, "\(errors)", sourceLocation: sourceLocation)
    for part in parts {
      #expect(errors.contains(part), "`\(part)` in: \(errors)", sourceLocation: sourceLocation)
    }
  }
}
