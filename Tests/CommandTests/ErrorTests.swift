import Foundation
import Testing

@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct ErrorTests {
  /// The one sentence of a command that must fail with `code`.
  private func sentence(_ code: Int32, _ arguments: String...) throws -> String {
    let outcome = try Program.run(arguments)
    #expect(outcome.code == code, "\(arguments): \(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.sentences.count == 1, "\(outcome.errors)")
    return outcome.errors
  }

  private func file(_ name: String, _ text: String) throws -> String {
    let path = try Program.temporaryFolder() + "/" + name
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func `an unknown recipe key is named with the nearest known one`() throws {
    let recipe = try file("wrong.yaml", "optimizer:\n  learning_rat: 0.01\n")
    let text = try sentence(64, "train", recipe, "--run", recipe + ".run")
    #expect(text.contains("learning_rat") && text.contains("optimizer.learningRate"))
    #expect(text.contains("wrong.yaml:2"))
    #expect(!FileManager.default.fileExists(atPath: recipe + ".run"))
  }

  @Test func `an unknown key in --set is named`() throws {
    let recipe = try file("fine.yaml", "seed: 2\n")
    #expect(try sentence(64, "train", recipe, "--set", "model.sise=3").contains("model.sise"))
  }

  @Test func `a missing recipe is named`() throws {
    #expect(try sentence(74, "train", "/nowhere/recipe.yaml").contains("/nowhere/recipe.yaml"))
  }

  @Test func `a missing checkpoint is named by every command that reads one`() throws {
    for command in [
      ["evaluate", "/nowhere/run"], ["export", "/nowhere/run", "--output", "/nowhere/x.onnx"],
      ["predict", "/nowhere/run", "/nowhere/a.jpg", "--output", "/nowhere/out"],
      ["checkpoint", "list", "/nowhere/run"], ["checkpoint", "show", "/nowhere/run"],
      ["checkpoint", "verify", "/nowhere/run"],
      ["checkpoint", "diff", "/nowhere/run", "/nowhere/other"],
    ] {
      let outcome = try Program.run(command)
      #expect(outcome.code == 74, "\(command): \(outcome.errors)")
      #expect(outcome.sentences.count == 1 && outcome.errors.contains("/nowhere/run"))
    }
  }

  @Test func `a folder that is no checkpoint is refused`() throws {
    let folder = try Program.temporaryFolder()
    let text = try sentence(65, "evaluate", folder)
    #expect(text.contains(folder) && text.contains("manifest.json"))
  }

  @Test func `an unknown export format is a usage error that lists the known ones`() throws {
    let outcome = try Program.run("export", "/nowhere", "--format", "caffe", "--output", "x")
    #expect(outcome.code == 64)
    #expect(outcome.errors.contains("caffe") && outcome.errors.contains("onnx"))
  }

  @Test func `a result file that is no JSON is bad data`() throws {
    let truth = try file("truth.json", #"{"images": [], "annotations": [], "categories": []}"#)
    let detections = try file("detections.json", "not json")
    let text = try sentence(
      65, "evaluate", "--ground-truth", truth, "--detections", detections)
    #expect(text.contains("detections.json"))
    #expect(
      try sentence(74, "evaluate", "--ground-truth", truth, "--detections", truth + ".none")
        .contains("truth.json.none"))
  }

  @Test func `a data folder that is not there is named`() throws {
    let text = try sentence(65, "data", "check", "--format", "yolo", "--root", "/nowhere/data")
    #expect(text.contains("/nowhere/data"))
  }

  @Test func `scenes are not drawn into a folder that holds something else`() throws {
    let folder = try Program.temporaryFolder()
    try "mine".write(toFile: "\(folder)/mine.txt", atomically: true, encoding: .utf8)
    let text = try sentence(
      64, "data", "synthesize", "pedestrians", "--images", "2", "--output", folder)
    #expect(text.contains(folder))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["mine.txt"])
  }
}
