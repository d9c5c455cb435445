import Foundation
import Testing

@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct DataCommandTests {
  @Test func `what synthesize draws, check accepts and stats counts`() throws {
    let folder = try Program.temporaryFolder() + "/lot"
    let drawn = try Program.run(
      "data", "synthesize", "parking-lot", "--images", "3", "--validation-images", "2", "--size",
      "320x240", "--output", folder, "--json")
    #expect(drawn.code == 0 && drawn.errors.isEmpty)
    let again = try Program.run(
      "data", "synthesize", "parking-lot", "--images", "3", "--validation-images", "2", "--size",
      "320x240", "--output", folder, "--json")
    #expect(try again.json()["reused"] as? Bool == true)
    #expect(try Program.run("data", "check", "--format", "yolo", "--root", folder).code == 0)
    let stats = try Program.run("data", "stats", "--format", "yolo", "--root", folder, "--json")
      .json()
    let train = try #require(stats["train"] as? [String: Any])
    let validation = try #require(stats["validation"] as? [String: Any])
    #expect(train["pictureCount"] as? Int == 3 && validation["pictureCount"] as? Int == 2)
    #expect(train["largestWidth"] as? Int == 320)
  }

  @Test func `check finds a cut picture and ends with 65`() throws {
    let folder = try Program.temporaryFolder() + "/lot"
    _ = try Program.run(
      "data", "synthesize", "pedestrians", "--images", "3", "--validation-images", "1", "--output",
      folder)
    let picture = "\(folder)/images/train/pedestrians-000001.jpg"
    let bytes = try #require(FileManager.default.contents(atPath: picture))
    try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: picture))
    let outcome = try Program.run("data", "check", "--format", "yolo", "--root", folder)
    #expect(outcome.code == 65)
    #expect(outcome.output.contains("pedestrians-000001.jpg"))
  }

  /// A drawn YOLO data set of three and two images.
  private func drawn() throws -> String {
    let folder = try Program.temporaryFolder() + "/lot"
    let outcome = try Program.run(
      "data", "synthesize", "pedestrians", "--images", "3", "--validation-images", "2", "--size",
      "160x120", "--output", folder)
    #expect(outcome.code == 0)
    return folder
  }

  private func labels(_ folder: String, _ split: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(folder)/labels/\(split)").sorted()
      .map { "\(folder)/labels/\(split)/\($0)" }
  }

  @Test func `check takes a folder or its data file, and counts what the labels are`() throws {
    let folder = try drawn()
    for path in [folder, folder + "/data.yaml"] {
      let outcome = try Program.run("data", "check", path)
      #expect(outcome.code == 0 && outcome.errors.isEmpty)
      #expect(outcome.output.contains("3 images: 3 with boxes"))
    }
  }

  @Test func `check and train refuse the same, with all reasons`() throws {
    let folder = try drawn()
    for path in try labels(folder, "train") {
      try "0 0.5 0.5 0.1 0.1 0.9\n".write(toFile: path, atomically: true, encoding: .utf8)
    }
    let check = try Program.run("data", "check", folder)
    #expect(check.code == 65)
    for path in try labels(folder, "train") {
      #expect(check.output.contains("\(path):1: 6 columns"))
    }
    let train = try Program.run(
      "train", try recipe(folder), "--run", folder + "/run", "--quiet")
    #expect(train.code == 65 && train.errors.contains(":1: 6 columns"))
  }

  private func recipe(_ folder: String) throws -> String {
    let path = folder + "/recipe.yaml"
    try TinyRun.recipe.replacingOccurrences(
      of: "data: { synthetic: { images: 8, validationImages: 4 } }",
      with: "data: { format: yolo, root: \"\(folder)\" }"
    ).write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func `half the images without labels are refused unless they are background`() throws {
    let folder = try drawn()
    for path in try labels(folder, "train").dropLast() {
      try FileManager.default.removeItem(atPath: path)
    }
    let recipe = try recipe(folder)
    for arguments in [["data", "check", folder], ["train", recipe, "--run", folder + "/a"]] {
      let outcome = try Program.run(arguments)
      #expect(outcome.code == 65 && outcome.errors.contains("allowUnlabelled"))
    }
    #expect(try Program.run("data", "check", folder, "--allow-unlabelled").code == 0)
    let outcome = try Program.run(
      "train", recipe, "--run", folder + "/b", "--set", "data.allowUnlabelled=true", "--set",
      "schedule.qatEpochs=0")
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("3 images: 1 with boxes, 0 with an empty label, 2 without"))
    let show = try Program.run("checkpoint", "show", folder + "/b", "--json")
    #expect(show.output.contains("2 without a label file"))
  }

  @Test func `a recipe that is an alias bomb is refused at a stated limit`() throws {
    let path = try Program.temporaryFolder() + "/bomb.yaml"
    var text = "a: &a [x,x,x,x,x,x,x,x,x]\n"
    for (name, next) in zip("abcdefgh", "bcdefghi") {
      text += "\(next): &\(next) [*\(name),*\(name),*\(name),*\(name),*\(name),*\(name)]\n"
    }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let outcome = try Program.run("train", path)
    #expect(outcome.code == 64 && outcome.errors.contains("more than 10 aliases"))
  }
}
