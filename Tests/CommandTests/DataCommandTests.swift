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
}
