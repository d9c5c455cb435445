import Foundation
import Testing

/// The invariants of a run with everything QAT can learn and remember: learned scales of 4 bits, a
/// teacher, oscillating weights dampened and frozen, batch norms estimated anew.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct LearnedScaleRunTests {
  private static let settings = [
    "schedule.floatEpochs=1", "quantization.weightBits=4", "quantization.activationBits=4",
    "quantization.overrides=[\"model.4.*: w3 a5\"]", "quantization.ranges=lsq",
    "quantization.weightScales=lsq", "optimizer.kind=adamw", "distillation.classification=0.5",
    "distillation.distribution=1", "distillation.temperature=2",
    "distillation.features=[model.15.cv2.act, model.21.cv2.act]", "oscillation.dampening=0.01",
    "oscillation.freezeAbove=0.005", "oscillation.momentum=0.1", "schedule.reestimateBatchNorm=16",
  ].flatMap { ["--set", $0] }

  /// I1.
  @Test func `one, two, three and four ranks learn the same scales`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let solo = try Program.run(small.arguments("solo", Self.settings))
    try #require(solo.exitCode == 0, "\(solo.errors)")
    let names = try small.checkpoints("solo")
    #expect(names.count == 4)
    #expect(try small.tensors("solo", names[2]) != small.tensors("solo", names[3]))
    for ranks in 2...4 {
      let outcome = try Program.run(small.arguments("ranks-\(ranks)", Self.settings), ranks: ranks)
      #expect(outcome.exitCode == 0, "\(outcome.errors)")
      for name in names {
        #expect(
          try small.tensors("ranks-\(ranks)", name) == small.tensors("solo", name),
          "\(name) on \(ranks) ranks")
      }
    }
  }

  /// I2.
  @Test func `a run stopped in QAT goes on on three ranks with the same bits`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    // Enough epochs behind the signal for it to arrive on a busy machine.
    let settings = Self.settings + ["--set", "schedule.qatEpochs=6"]
    let whole = try Program.run(small.arguments("whole", settings))
    try #require(whole.exitCode == 0, "\(whole.errors)")
    let names = try small.checkpoints("whole")
    let last = try #require(names.last)

    let running = try Program.Running(
      small.arguments("stopped", settings), ranks: 2, timeoutSeconds: 240)
    #expect(running.waitFor("epoch 2/7"))
    running.send(SIGUSR1)
    let stopped = running.wait()
    #expect(stopped.exitCode == 75, "\(stopped.output)\(stopped.errors)")
    let resumed = try Program.run(
      small.arguments("stopped", settings + ["--resume", "auto"]), ranks: 3)
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    #expect(try small.tensors("stopped", last) == small.tensors("whole", last))
  }

  @Test func `a pattern that fits nothing is refused before anything is computed`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let outcome = try Program.run(
      small.arguments("wrong", ["--set", "quantization.overrides=[\"stem*: w8\"]"]))
    #expect(outcome.exitCode != 0)
    #expect(outcome.errors.contains("`stem*: w8` fits no layer"), "\(outcome.errors)")
  }

  @Test func `a feature that is no value is named with what is near it`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let outcome = try Program.run(
      small.arguments(
        "wrong",
        ["--set", "schedule.floatEpochs=1", "--set", "distillation.features=[model.99.act]"]))
    #expect(outcome.exitCode != 0)
    #expect(outcome.errors.contains("`model.99.act`, which is no value"), "\(outcome.errors)")
  }
}
