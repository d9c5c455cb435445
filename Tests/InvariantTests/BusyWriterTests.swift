import Foundation
import Testing

/// Checkpoints that are due while the one before is still being written.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct BusyWriterTests {
  /// Steps that are much shorter than the writing of a checkpoint: two pictures of 32 pixels.
  private let settings = [
    "--set", "model.inputSize=32", "--set", "batch.size=2", "--set", "batch.shards=2", "--set",
    "schedule.floatEpochs=2", "--set", "schedule.qatEpochs=0", "--set",
    "evaluation.everyEpochs=0", "--set", "checkpoint.everySteps=1", "--set",
    "data.synthetic.images=12", "--set", "data.synthetic.validationImages=2",
  ]

  /// Two epochs of six steps. Which checkpoints are left out depends on the disk; that each is either
  /// there or named does not.
  @Test(arguments: [1, 2])
  func `with skip each is written or named as left out, and ends of epochs are always there`(
    ranks: Int
  ) throws {
    let small = try SmallRun()
    defer { small.remove() }
    let waiting = try Program.run(
      small.arguments("wait", settings), ranks: ranks == 1 ? nil : ranks)
    #expect(waiting.exitCode == 0, "\(waiting.errors)")
    // The first one, and one per step.
    #expect(try small.checkpoints("wait").count == 13)
    #expect(!waiting.output.contains(": no checkpoint"))

    let skipping = try Program.run(
      small.arguments("skip", settings + ["--set", "checkpoint.whenBusy=skip"]),
      ranks: ranks == 1 ? nil : ranks)
    #expect(skipping.exitCode == 0, "\(skipping.errors)")
    let leftOut = skipping.output.matches(
      of: /step (\d+): no checkpoint, for the one before is still being written/
    ).compactMap { Int($0.output.1) }
    let written = try small.checkpoints("skip").compactMap { Int($0.dropFirst(5)) }
    #expect(!leftOut.isEmpty, "writing took no longer than a step, ten times")
    #expect((leftOut + written).sorted() == Array(0...12))
    #expect(written.contains(6) && written.last == 12)
    for name in try small.checkpoints("skip") {
      #expect(try small.tensors("skip", name) == small.tensors("wait", name), "\(name)")
    }
  }
}
