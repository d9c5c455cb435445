import Checkpoints
import Foundation
import Testing

/// A run goes on with the data it was trained on, or says what changed.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct ResumeDataTests {
  /// Twenty-four images, three steps an epoch; a run to its end and one that stopped after the second
  /// step.
  private struct Stopped {
    let small: SmallRun
    let data: DrawnData

    init() throws {
      small = try SmallRun()
      data = try DrawnData(small.run("data"), images: 24)
      let whole = try Program.run(arguments("whole", ["--set", "checkpoint.everySteps=1"]))
      try #require(whole.exitCode == 0, "\(whole.errors)")
      try copy("stopped")
    }

    func arguments(_ name: String, _ more: [String] = []) -> [String] {
      small.arguments(name, data.settings(epochs: 2) + more)
    }

    func resume(_ more: [String] = [], name: String = "stopped", ranks: Int? = 2) throws
      -> Program.Outcome
    {
      try Program.run(
        ["train", "--resume", small.run(name).path] + more, ranks: ranks, timeoutSeconds: 120)
    }

    /// The run as it was after its second step.
    func copy(_ name: String) throws {
      try? FileManager.default.removeItem(at: small.run(name))
      try FileManager.default.copyItem(at: small.run("whole"), to: small.run(name))
      for checkpoint in try small.checkpoints(name) where checkpoint > "step-00000002" {
        try FileManager.default.removeItem(
          at: small.run(name).appending(path: "checkpoints/\(checkpoint)"))
      }
    }

    /// Writes the newest checkpoint of "stopped" anew with something changed.
    ///
    /// - Returns: its path.
    @discardableResult
    func rewrite(_ change: (inout CheckpointContents) -> Void) throws -> String {
      let path = small.run("stopped/checkpoints/step-00000002").path
      var contents = try CheckpointReader(path: path).readAll()
      change(&contents)
      try FileManager.default.removeItem(atPath: path)
      let writer = CheckpointWriter(runFolder: small.run("stopped").path)
      try writer.write(contents)
      return writer.store.path(step: contents.step)
    }
  }

  @Test func `the run's folder alone goes on to the bits of the run that never stopped`() throws {
    let stopped = try Stopped()
    defer { stopped.small.remove() }
    let last = try #require(try stopped.small.checkpoints("whole").last)
    let whole = try stopped.small.tensors("whole", last)
    for ranks in [1, 2, 3] {
      try stopped.copy("stopped")
      // What may be left out is compared with the data, so it is free where nothing is.
      let outcome = try stopped.resume(ranks == 3 ? ["--skip-bad"] : [], ranks: ranks)
      #expect(outcome.exitCode == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("step-00000002: epoch 1, step 2"), "\(outcome.output)")
      #expect(try stopped.small.checkpoints("stopped").last == last)
      #expect(try stopped.small.tensors("stopped", last) == whole, "on \(ranks) ranks")
    }
    try stopped.copy("stopped")
    let auto = try Program.run(
      ["train", "--resume", "auto", "--run", stopped.small.run("stopped").path])
    #expect(auto.exitCode == 0, "\(auto.errors)")
    #expect(try stopped.small.tensors("stopped", last) == whole)
    try stopped.copy("stopped")
    let launched = try Program.run(
      ["launch", "-n", "2", "--oversubscribe", "--", "train", "--resume"]
        + [stopped.small.run("stopped").path])
    #expect(launched.exitCode == 0, "\(launched.errors)")
    #expect(try stopped.small.tensors("stopped", last) == whole)
    try stopped.copy("stopped")
    let elsewhere = try stopped.resume(["--run", stopped.small.run("elsewhere").path])
    #expect(elsewhere.exitCode == 0, "\(elsewhere.errors)")
    #expect(try stopped.small.checkpoints("stopped").last == "step-00000002")
    #expect(try stopped.small.tensors("elsewhere", last) == whole)
  }

  @Test func `what is said beside the run's folder is held against the checkpoint`() throws {
    let stopped = try Stopped()
    defer { stopped.small.remove() }
    try stopped.resume(["--set", "seed=4"]).expectRefusal(64, "`seed` is 4 here and 3 there")
    try stopped.resume(["--set", "system.threads=2"]).expectRefusal(
      64, "`system.threads` is 2 here and 1 there", "last bits", "--warm-start")
    try stopped.resume(["--set", "schedule.floatEpochs=9"]).expectRefusal(
      64, "`schedule.floatEpochs` is 9 here and 2 there", "train longer", "--warm-start")
    let recipe = stopped.small.run("recipe.yaml").path
    let other = ["train", recipe, "--resume", stopped.small.run("stopped").path]
    try Program.run(other + stopped.data.settings(epochs: 1)).expectRefusal(
      64, "`schedule.floatEpochs` is 1 here and 2 there")
    try Program.run(["train"]).expectRefusal(64, "needs a recipe", "--resume RUN")
    try Program.run(["train", "--resume", "auto"]).expectRefusal(64, "--run RUN")
    try Program.run(["train", "--resume", stopped.small.run("none").path]).expectRefusal(
      74, "no such checkpoint")
  }

  @Test func `fewer and more images are named, and allowed by name`() throws {
    let stopped = try Stopped()
    defer { stopped.small.remove() }
    try stopped.data.remove(16)
    try stopped.resume().expectRefusal(
      65, "this run has 8 training images, the checkpoint 24", "the first that differs is number 1",
      "--allow-changed-data")
    let allowed = try stopped.resume(["--allow-changed-data"])
    #expect(allowed.exitCode == 0, "\(allowed.errors)")
    #expect(allowed.output.contains("epoch 1 begins anew on these data, behind step 2"))
    // One step for each of two epochs, behind the two that were done.
    #expect(try stopped.small.checkpoints("stopped").last == "step-00000004")
    // It goes on with the new data now.
    let again = try stopped.resume()
    #expect(again.exitCode == 0, "\(again.errors)")

    try stopped.copy("stopped")
    for _ in 0..<1 { try stopped.data.addImage() }
    try stopped.resume().expectRefusal(65, "this run has 9 training images")
  }

  @Test func `other labels, pixels and validation images are named`() throws {
    let stopped = try Stopped()
    defer { stopped.small.remove() }
    let root = stopped.data.folder
    func expect(_ name: String, _ part: String, _ change: (DrawnData) throws -> Void) throws {
      let other = try stopped.data.copy(name)
      try change(other)
      #expect(root != other.folder)
      try stopped.resume(["--set", "data.root=\(other.folder.path)"]).expectRefusal(65, part)
    }
    try expect("moved", "of the training images, the first that differs is number") {
      _ = try $0.moveBoxes()
    }
    try expect("dropped", "boxes in its training images, the checkpoint") { _ = try $0.dropBox() }
    try expect("pixels", "the first that differs is number 1, which is") {
      _ = try $0.swapPixels()
    }
    try expect("added", "the first new one is zz-new") { try $0.addImage() }
    try expect("validation", "3 validation images, the checkpoint 4") { try $0.remove(1, "val") }
    // The same data elsewhere is the same data.
    let copy = try stopped.data.copy("copy")
    let moved = try stopped.resume(["--set", "data.root=\(copy.folder.path)"])
    #expect(moved.exitCode == 0, "\(moved.errors)")
  }

  @Test func `other validation images alone leave the training as it was`() throws {
    let stopped = try Stopped()
    defer { stopped.small.remove() }
    try stopped.data.remove(1, "val")
    let outcome = try stopped.resume(["--allow-changed-data"])
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let last = try #require(try stopped.small.checkpoints("whole").last)
    #expect(
      try stopped.small.tensors("stopped", last) == stopped.small.tensors("whole", last))
  }

  @Test func `renamed classes are refused in any case`() throws {
    let stopped = try Stopped()
    defer { stopped.small.remove() }
    try stopped.data.renameClass()
    for more in [[], ["--allow-changed-data"]] {
      try stopped.resume(more).expectRefusal(65, "`vacant` for this run", "--warm-start")
    }
  }

  @Test func `an image that became unreadable is left out by name`() throws {
    let stopped = try Stopped()
    defer { stopped.small.remove() }
    let name = try stopped.data.damageImage()
    try stopped.resume().expectRefusal(65, name)
    try stopped.resume(["--skip-bad"]).expectRefusal(65, "this run has 23 training images")
    let outcome = try stopped.resume(["--skip-bad", "--allow-changed-data"])
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    #expect(outcome.output.contains(name))
  }

  @Test func `a checkpoint that says nothing of its data goes on with a note`() throws {
    let stopped = try Stopped()
    defer { stopped.small.remove() }
    try stopped.rewrite {
      guard case .object(var state) = $0.state else { return }
      state["data"] = nil
      $0.state = .object(state)
    }
    let outcome = try stopped.resume()
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("says nothing of its training and validation data"))
    let last = try #require(try stopped.small.checkpoints("whole").last)
    #expect(
      try stopped.small.tensors("stopped", last) == stopped.small.tensors("whole", last))
  }

  @Test func `counters that no such run can have are refused with a sentence`() throws {
    let stopped = try Stopped()
    defer { stopped.small.remove() }
    func expect(_ parts: String..., change: (inout CheckpointContents) -> Void) throws {
      try stopped.copy("stopped")
      let path = try stopped.rewrite(change)
      let outcome = try Program.run(
        ["train", "--resume", path, "--run", stopped.small.run("other").path], ranks: 2,
        timeoutSeconds: 60)
      outcome.expectRefusal(65)
      for part in parts { #expect(outcome.errors.contains(part), "`\(part)`: \(outcome.errors)") }
    }
    try expect("4 steps of its epoch 0 are done") { ($0.step, $0.position) = (10, 4) }
    try expect("epoch") { ($0.step, $0.epoch) = (10, 3) }
    try expect("1 steps of its epoch 2 are done") {
      ($0.step, $0.epoch, $0.position) = (10, 2, 1)
      guard case .object(var state) = $0.state else { return }
      state["loss_steps"] = 1
      $0.state = .object(state)
    }
    try expect("epoch") { $0.epoch = .max }
    try expect("\(Int.max)") { $0.position = .max }
    for key in ["optimizer_steps", "ema_updates", "skipped_steps", "skipped_in_a_row"] {
      for count in [-1, 1000, Int.max] {
        try expect(key, "is \(count)") {
          guard case .object(var state) = $0.state else { return }
          state[key] = .integer(count)
          $0.state = .object(state)
        }
      }
    }
  }
}
