import Foundation
import Testing

/// I1 and I2 together: another world size at every start.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct ElasticTests {
  @Test(arguments: [1, 2])
  func `a run on 4, 1, 3, 2 and then 8 ranks ends with the bits of one rank`(threads: Int) throws {
    let small = try SmallRun()
    defer { small.remove() }
    let settings = [
      "--set", "batch.shards=8", "--set", "data.synthetic.images=16", "--set",
      "data.synthetic.validationImages=2", "--set", "schedule.floatEpochs=3", "--set",
      "schedule.calibrationImages=8", "--set", "schedule.qatEpochs=5", "--set",
      "evaluation.everyEpochs=0", "--set", "system.threads=\(threads)",
    ]
    let solo = try Program.run(small.arguments("solo", settings))
    #expect(solo.exitCode == 0, "\(solo.errors)")
    let last = try #require(try small.checkpoints("solo").last)

    // Epochs enough behind each line for the signal to arrive before the end, however late.
    // One stop in each phase at least, and one start that goes through calibration.
    for (ranks, line) in [(4, "epoch 1/8"), (1, "epoch 2/8"), (3, "epoch 4/8"), (2, "epoch 5/8")] {
      let running = try Program.Running(
        small.arguments("elastic", settings + ["--resume", "auto"]), ranks: ranks,
        timeoutSeconds: 120)
      #expect(running.waitFor(line), "on \(ranks) ranks")
      running.send(SIGUSR1)
      let stopped = running.wait()
      #expect(stopped.exitCode == 75, "\(ranks) ranks: \(stopped.output)\(stopped.errors)")
    }
    let end = try Program.run(
      small.arguments("elastic", settings + ["--resume", "auto"]), ranks: 8)
    #expect(end.exitCode == 0, "\(end.errors)")
    #expect(try small.checkpoints("elastic").last == last)
    #expect(try small.tensors("elastic", last) == small.tensors("solo", last))
  }
}
