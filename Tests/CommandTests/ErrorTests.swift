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

  @Test func `a folder that cannot be made is named with the system's reason`() throws {
    let blocker = try file("file", "")
    let run = try TinyRun.folder()
    for command in [
      ["predict", run, "\(run)/data/images/val", "--output", "\(blocker)/out"],
      ["export", run, "--output", "\(blocker)/out/model.onnx"],
      ["report", run, "--output", "\(blocker)/out/curves.svg"],
      ["train", "\(run)/../tiny.yaml", "--run", "\(blocker)/out"],
      ["data", "synthesize", "pedestrians", "--images", "2", "--output", "\(blocker)/out"],
      ["checkpoint", "extract", run, "--to", "npz", "--output", "\(blocker)/out/weights.npz"],
    ] {
      let outcome = try Program.run(command)
      #expect(outcome.code == 74, "\(command): \(outcome.errors)")
      #expect(outcome.sentences.count == 1 && outcome.errors.contains(blocker))
      for word in ["NSCocoa", "Error Domain", "couldn", "The file"] {
        #expect(!outcome.errors.contains(word), "\(outcome.errors)")
      }
    }
  }

  @Test func `a drawing is called what it is`() throws {
    let run = try TinyRun.folder()
    let path = try Program.temporaryFolder() + "/curves.png"
    #expect(try sentence(64, "report", run, "--output", path).contains(".svg"))
    #expect(
      try sentence(64, "sensitivity", run, "--by", "sqnr", "--plot", path).contains(".svg"))
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `launch without mpirun says what to install`() throws {
    let recipe = try file("tiny.yaml", TinyRun.recipe)
    let outcome = try Program.shell(
      #"PATH=/nowhere exec "$@""#, ["launch", "-n", "2", "--", "train", recipe])
    #expect(outcome.code == 1 && outcome.sentences.count == 1)
    #expect(outcome.errors.contains("mpirun") && outcome.errors.contains("openmpi-bin"))
  }

  @Test func `launch ends an mpirun that waits though no rank is left`() throws {
    let recipe = try file("tiny.yaml", TinyRun.recipe)
    let bin = try Program.temporaryFolder()
    // What Open MPI's does now and then, after a rank that died in MPI_Init, cannot be had on demand.
    try "#!/bin/sh\nsleep 0.2\nexec sleep 1000\n".write(
      toFile: "\(bin)/mpirun", atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: "\(bin)/mpirun")
    let outcome = try Program.shell(
      "PATH=\(bin):$PATH exec \"$@\"",
      ["launch", "-n", "2", "--restarts", "0", "--", "train", recipe, "--run", recipe + ".run"])
    #expect(outcome.code == 71 && outcome.sentences.count == 1, "\(outcome)")
    #expect(outcome.errors.contains("no rank is left"), "\(outcome.errors)")
  }

  @Test func `launch needs no settings for root, and none for more ranks than cores`() throws {
    let recipe = try file("tiny.yaml", TinyRun.recipe.replacing("shards: 2", with: "shards: 4"))
    let outcome = try Program.shell(
      #"env -u OMPI_ALLOW_RUN_AS_ROOT -u OMPI_ALLOW_RUN_AS_ROOT_CONFIRM -u OMP_NUM_THREADS "$@""#,
      ["launch", "-n", "4", "--", "train", recipe, "--run", recipe + ".run"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
    #expect(outcome.output.contains("4 ranks"))
  }

  @Test func `the version names the libraries, without starting MPI`() throws {
    let outcome = try Program.run("--version")
    #expect(outcome.code == 0 && outcome.errors.isEmpty)
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.first?.hasPrefix("edgewise ") == true)
    for name in ["oneDNN", "MPI", "zstd", "glibc"] {
      #expect(lines.contains { $0.contains(name) }, "\(outcome.output)")
    }
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
