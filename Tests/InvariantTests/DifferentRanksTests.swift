import Foundation
import Testing

/// Ranks that would not train the same are refused before the first step, with who differs and in
/// what.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct DifferentRanksTests {
  /// Two ranks, of which rank 1 has arguments of its own.
  private func run(
    _ first: [String], _ second: [String], launcher: [String] = [], timeoutSeconds: Int = 60
  ) throws -> Program.Outcome {
    try Program.run(
      first + [":", "-n", "1"] + launcher + [Program.path] + second, ranks: 1,
      timeoutSeconds: timeoutSeconds)
  }

  /// Trains on `data` on rank 0 and on a changed copy on rank 1.
  private func runOnChanged(
    _ more: [String] = [], _ change: (DrawnData) throws -> Void
  ) throws -> Program.Outcome {
    let small = try SmallRun()
    defer { small.remove() }
    let data = try DrawnData(small.run("data"), images: 16)
    let other = try data.copy("other-data")
    try change(other)
    let outcome = try run(
      small.arguments("run", data.settings() + more),
      small.arguments("run", other.settings() + more))
    #expect(!FileManager.default.fileExists(atPath: small.run("run/checkpoints").path))
    return outcome
  }

  /// Sixteen images are two steps; fifteen are as many, seven are one.
  @Test(arguments: [1, 9]) func `a rank with fewer images is named`(fewer: Int) throws {
    try runOnChanged { try $0.remove(fewer) }.expectRefusal(
      65, "different data", "rank 1 (", "\(16 - fewer) training images", " 16; ",
      "the first difference is training image 1")
  }

  @Test func `a rank with other boxes or fewer is named with the image`() throws {
    var name = ""
    try runOnChanged { name = try $0.moveBoxes() }
      .expectRefusal(65, "rank 1 (", "has other labels")
    #expect(!name.isEmpty)
    try runOnChanged { name = try $0.dropBox() }
      .expectRefusal(65, "rank 1 (", "boxes in its training images")
  }

  @Test func `a rank with other pixels under the same name is named`() throws {
    try runOnChanged { _ = try $0.swapPixels() }.expectRefusal(
      65, "rank 1 (", "training image 1: ", "other contents")
  }

  @Test func `a rank that leaves out a damaged image is named with it`() throws {
    var name = ""
    let outcome = try runOnChanged(["--skip-bad"]) { name = try $0.damageImage() }
    outcome.expectRefusal(65, "15 training images", "left out 1 with --skip-bad", name)
  }

  @Test func `a rank with other validation images is named, also in evaluate`() throws {
    try runOnChanged { try $0.remove(1, "val") }.expectRefusal(
      65, "rank 1 (", "3 validation images")

    let small = try SmallRun()
    defer { small.remove() }
    let data = try DrawnData(small.run("data"), images: 16)
    let other = try data.copy("other-data")
    try other.remove(1, "val")
    let trained = try Program.run(small.arguments("run", data.settings()))
    #expect(trained.exitCode == 0, "\(trained.errors)")
    func command(_ name: String, _ data: DrawnData) -> [String] {
      [name, small.run("run").path, "--set", "data.root=\(data.folder.path)"]
    }
    try run(command("evaluate", data), command("evaluate", other)).expectRefusal(
      65, "rank 1 (", "3 validation images")
    let first = try #require(try small.checkpoints("run").first)
    func calibrate(_ data: DrawnData) -> [String] {
      [
        "calibrate", small.run("run/checkpoints/\(first)").path, "--output", small.run("ptq").path,
        "--set", "data.root=\(data.folder.path)",
      ]
    }
    try run(calibrate(data), calibrate(other)).expectRefusal(
      65, "rank 1 (", "3 validation images")
  }

  @Test func `a rank without data, or without the recipe, is named`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let data = try DrawnData(small.run("data"), images: 16)
    try run(
      small.arguments("run", data.settings()),
      small.arguments("run", data.settings() + ["--set", "data.root=/no/such/folder"])
    ).expectRefusal(65, "rank 1 (", "cannot read the data, the others can", "/no/such/folder")
    try run(
      small.arguments("run", data.settings()),
      ["train", "/no/such/recipe.yaml", "--run", small.run("run").path] + data.settings()
    ).expectRefusal(74, "rank 1 (", "cannot read the recipe", "/no/such/recipe.yaml")
  }

  @Test func `another recipe on one rank is named by its keys, whatever they decide`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let data = try DrawnData(small.run("data"), images: 16)
    func run(_ setting: String) throws -> Program.Outcome {
      try self.run(
        small.arguments("run", data.settings()),
        small.arguments("run", data.settings() + ["--set", setting]))
    }
    try run("seed=2").expectRefusal(
      64, "different recipes (seed)", "seed: 3 on rank 0 (", "seed: 2 on rank 1 (")
    try run("batch.shards=2").expectRefusal(64, "batch.shards: 2 on rank 1 (")
    try run("system.threads=2").expectRefusal(64, "system.threads: 2 on rank 1 (")
    try run("evaluation.everyEpochs=1").expectRefusal(64, "evaluation.everyEpochs: 1 on rank 1 (")
  }

  @Test func `other options on one rank are named`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let data = try DrawnData(small.run("data"), images: 16)
    let plain = small.arguments("run", data.settings())
    try run(plain, plain + ["--resume", "auto"]).expectRefusal(
      64, "different commands or options (--resume)", "--resume: auto on rank 1 (")
    try run(plain, plain + ["--warm-start", "elsewhere"]).expectRefusal(
      64, "--warm-start: elsewhere on rank 1 (")
    try run(plain, small.arguments("other", data.settings())).expectRefusal(64, "(--run)")
    try run(plain, plain + ["--allow-mixed"]).expectRefusal(64, "(--allow-mixed)")
  }

  @Test func `another command or other options on one rank are named before anything is read`()
    throws
  {
    let run = ["evaluate", "nowhere", "--set", "data.root=here"]
    try self.run(run, ["calibrate", "nowhere", "--output", "out"]).expectRefusal(
      64, "(command, options)", "command: calibrate on rank 1 (")
    try self.run(run, ["train", "nowhere.yaml"]).expectRefusal(64, "command: train on rank 1 (")
    try self.run(run, ["evaluate", "nowhere", "--as", "float"]).expectRefusal(
      64, "options: nowhere --as float on rank 1 (")
  }

  /// The same relative path in two working folders, as on nodes with disks of their own.
  @Test func `another checkpoint under the same path on one rank is named`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let data = try DrawnData(small.run("data"), images: 16)
    for (name, seed) in [("here/first", 1), ("there/first", 2)] {
      let made = try Program.run(
        small.arguments(name, data.settings() + ["--set", "seed=\(seed)"]))
      #expect(made.exitCode == 0, "\(made.errors)")
    }
    let warm = small.arguments("run", data.settings() + ["--warm-start", "first"])
    let outcome = try Program.run(
      ["-c", "cd \(small.run("here").path) && exec \"$@\"", "sh", Program.path] + warm
        + [":", "-n", "1", "sh", "-c", "cd \(small.run("there").path) && exec \"$@\"", "sh"]
        + [Program.path] + warm,
      ranks: 1, program: "sh", timeoutSeconds: 60)
    outcome.expectRefusal(65, "begin with different weights", "on rank 1 (")
  }

  @Test func `threads that OpenMP withholds from one rank are named`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let data = try DrawnData(small.run("data"), images: 16)
    let arguments = small.arguments("run", data.settings() + ["--set", "system.threads=2"])
    try run(arguments, arguments, launcher: ["-x", "OMP_THREAD_LIMIT=1"]).expectRefusal(
      64, "compute threads: 1 on rank 1 (")
    try run(arguments, arguments, launcher: ["-x", "ONEDNN_DEFAULT_FPMATH_MODE=BF16"])
      .expectRefusal(64, "ONEDNN_DEFAULT_FPMATH_MODE: BF16 on rank 1 (")
  }

  /// Where a node keeps its data and how it reads them decides nothing.
  @Test func `ranks with copies of the same data train the same bits`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let data = try DrawnData(small.run("data"), images: 16)
    let copy = try data.copy("other-data")
    let solo = try Program.run(small.arguments("solo", data.settings()))
    #expect(solo.exitCode == 0, "\(solo.errors)")
    let both = try run(
      small.arguments("both", data.settings()),
      small.arguments("both", copy.settings() + ["--set", "system.cacheMiB=0"]))
    #expect(both.exitCode == 0, "\(both.errors)")
    let last = try #require(try small.checkpoints("solo").last)
    #expect(try small.tensors("both", last) == small.tensors("solo", last))
  }
}
