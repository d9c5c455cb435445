import Foundation
import Testing

/// What `evaluate` scored, as a file that others score the same.
@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct SavedDetectionsTests {
  /// The validation split of the tiny run as a COCO file with gaps in its ids, beside its images.
  private func cocoFile() throws -> (json: String, images: String) {
    let data = try TinyRun.folder() + "/data"
    let images = "\(data)/images/val"
    var entries: (images: [[String: Any]], annotations: [[String: Any]]) = ([], [])
    for (index, name) in try FileManager.default.contentsOfDirectory(atPath: images).sorted()
      .enumerated()
    {
      let label = URL(fileURLWithPath: name).deletingPathExtension().lastPathComponent + ".txt"
      let size = try #require(try Self.size(of: "\(images)/\(name)"))
      entries.images.append(["id": 100 + 7 * index, "file_name": name])
      let rows = try String(contentsOfFile: "\(data)/labels/val/\(label)", encoding: .utf8)
      for row in rows.split(separator: "\n") {
        let cells = row.split(separator: " ").compactMap { Double($0) }
        let (w, h) = (cells[3] * size.width, cells[4] * size.height)
        entries.annotations.append([
          "id": entries.annotations.count + 1, "image_id": 100 + 7 * index,
          "category_id": cells[0] == 0 ? 3 : 8, "iscrowd": 0, "area": w * h,
          "bbox": [cells[1] * size.width - w / 2, cells[2] * size.height - h / 2, w, h],
        ])
      }
    }
    let file = try Program.temporaryFolder() + "/truth.json"
    try JSONSerialization.data(withJSONObject: [
      "images": entries.images, "annotations": entries.annotations,
      "categories": [["id": 3, "name": "empty"], ["id": 8, "name": "occupied"]],
    ]).write(to: URL(fileURLWithPath: file))
    return (file, images)
  }

  /// Width and height from a JPEG's frame header.
  private static func size(of path: String) throws -> (width: Double, height: Double)? {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var at = 2
    while at + 9 < bytes.count {
      let marker = bytes[at + 1]
      if (0xC0...0xC2).contains(marker) {
        func word(_ i: Int) -> Double { Double(Int(bytes[i]) << 8 | Int(bytes[i + 1])) }
        return (word(at + 7), word(at + 5))
      }
      at += 2 + Int(bytes[at + 2]) << 8 + Int(bytes[at + 3])
    }
    return nil
  }

  @Test(arguments: [nil, 2])
  func `the file scores as the evaluation did, with the ground truth's ids`(ranks: Int?) throws {
    let (truth, images) = try cocoFile()
    let file = try Program.temporaryFolder() + "/found.json"
    let outcome = try Program.run(
      [
        "evaluate", TinyRun.folder(), "--set", "data.format=coco", "--set", "data.root=/", "--set",
        "data.train=\(truth.dropFirst())", "--set", "data.validation=\(truth.dropFirst())", "--set",
        "data.imageFolder=\(images.dropFirst())", "--save-detections", file, "--json",
      ], forRanks: true, ranks: ranks)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let json = try outcome.json()
    #expect(json["multi_label"] as? Bool == true)
    let entries = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: file)))
        as? [[String: Any]])
    #expect(entries.count > 10)
    for entry in entries {
      #expect(Set(entry.keys) == ["image_id", "category_id", "bbox", "score"])
      #expect([100, 107, 114, 121].contains(entry["image_id"] as? Int))
      #expect([3, 8].contains(entry["category_id"] as? Int))
    }
    let scored = try Program.run(
      "evaluate", "--ground-truth", truth, "--detections", file, "--json")
    #expect(scored.code == 0, "\(scored.errors)")
    let coco = try #require(json["coco"] as? [String: Any])
    let again = try scored.json()
    for name in ["AP", "AP50", "AP75", "AR1", "AR10", "AR100"] {
      #expect(coco[name] as? Double == again[name] as? Double, "\(name)")
    }
  }

  @Test func `a file that is there stays, a folder that cannot be written ends with 74`() throws {
    let file = try Program.temporaryFolder() + "/found.json"
    try "mine".write(toFile: file, atomically: true, encoding: .utf8)
    let arguments = ["evaluate", try TinyRun.folder(), "--save-detections"]
    let there = try Program.run(arguments + [file])
    #expect(there.code == 64 && there.sentences.count == 1 && there.errors.contains("--force"))
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
    #expect(try Program.run(arguments + [file, "--force"]).code == 0)
    let first = try String(contentsOfFile: file, encoding: .utf8)
    #expect(first.hasPrefix("[\n{\"bbox\": [") && first.contains("\"file_name\": "))
    let nowhere = try Program.run(
      arguments + ["/proc/none/found.json"], forRanks: true, ranks: 2)
    #expect(nowhere.code == 74, "\(nowhere.errors)")
    #expect(nowhere.sentences.filter { $0.hasPrefix("edgewise:") }.count == 1, "\(nowhere.errors)")
  }

  @Test func `an annotation with the id 0 is warned of`() throws {
    let folder = try Program.temporaryFolder()
    func write(_ text: String, _ name: String) throws {
      try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }
    try write(
      """
      {"images": [{"id": 1}], "categories": [{"id": 1, "name": "a"}],
       "annotations": [{"id": 0, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10]}]}
      """, "truth.json")
    try write(
      #"[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.9}]"#, "found.json")
    let outcome = try Program.run(
      "evaluate", "--ground-truth", "\(folder)/truth.json", "--detections", "\(folder)/found.json",
      "--json")
    #expect(outcome.code == 0)
    #expect(outcome.errors.contains("annotations[0] has the id 0"), "\(outcome.errors)")
    #expect((try outcome.json()["warnings"] as? [String])?.count == 1)
  }

  @Test func `predict and evaluate say which boxes they keep`() throws {
    let run = try TinyRun.folder()
    let json = try Program.run(
      "predict", run, "\(run)/data/images/val", "--output",
      "\(try Program.temporaryFolder())/drawn", "--json"
    ).json()
    #expect(json["multi_label"] as? Bool == false)
    #expect(try Program.run("predict", "--help").output.contains("best class"))
    #expect(try Program.run("evaluate", "--help").output.contains("box of each"))
  }
}
