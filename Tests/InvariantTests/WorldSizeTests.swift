import Foundation
import Testing

/// The invariants of a run, on the program itself under a real `mpirun`.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct WorldSizeTests {
  /// I1 and I4: parameters, batch-norm statistics, momentum, averages and ranges, bit for bit.
  @Test func `one, two, three and four ranks train the same bits, in float and in QAT`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let solo = try Program.run(small.arguments("solo"))
    #expect(solo.exitCode == 0, "\(solo.errors)")
    let names = try small.checkpoints("solo")
    // The first one, and one per epoch of four steps.
    #expect(names.count == 5)
    // A run that stood still would agree with itself too.
    #expect(try small.tensors("solo", names[0]) != small.tensors("solo", names[1]))
    #expect(try small.tensors("solo", names[3]) != small.tensors("solo", names[4]))
    for ranks in 1...4 {
      let outcome = try Program.run(small.arguments("ranks-\(ranks)"), ranks: ranks)
      #expect(outcome.exitCode == 0, "\(outcome.errors)")
      #expect(try small.checkpoints("ranks-\(ranks)") == names)
      for name in names {
        #expect(
          try small.tensors("ranks-\(ranks)", name) == small.tensors("solo", name),
          "\(name) on \(ranks) ranks")
      }
      let calibrated = try small.checkpoints("ranks-\(ranks)/calibrated")
      #expect(calibrated.count == 1)
      #expect(
        try small.tensors("ranks-\(ranks)/calibrated", calibrated[0])
          == small.tensors("solo/calibrated", calibrated[0]))
    }
  }

  @Test func `a checkpoint written on two ranks is loaded on one, three and eight`() throws {
    let small = try SmallRun()
    defer { small.remove() }
    let short = [
      "--set", "batch.shards=8", "--set", "schedule.floatEpochs=1", "--set",
      "schedule.qatEpochs=1",
    ]
    let two = try Program.run(small.arguments("two", short), ranks: 2)
    #expect(two.exitCode == 0, "\(two.errors)")
    let names = try small.checkpoints("two")
    let last = try #require(names.last)
    for ranks in [1, 3, 8] {
      let copy = "two-\(ranks)"
      try FileManager.default.copyItem(at: small.run("two"), to: small.run(copy))
      try FileManager.default.removeItem(
        at: small.run(copy).appending(path: "checkpoints/\(last)"))
      let resumed = try Program.run(
        small.arguments(copy, short + ["--resume", "auto"]), ranks: ranks)
      #expect(resumed.exitCode == 0, "\(resumed.errors)")
      #expect(try small.checkpoints(copy) == names)
      #expect(try small.tensors(copy, last) == small.tensors("two", last), "on \(ranks) ranks")
    }
  }

  /// I2.
  @Test
  func `a run stopped in mid-epoch on two ranks goes on on one and on four with the same bits`()
    throws
  {
    let small = try SmallRun()
    defer { small.remove() }
    // Epochs enough behind each line for the signal to arrive before the end, however late.
    let settings = ["--set", "schedule.qatEpochs=4"]
    let whole = try Program.run(small.arguments("whole", settings))
    #expect(whole.exitCode == 0, "\(whole.errors)")
    let last = try #require(try small.checkpoints("whole").last)

    for (phase, line) in [("float", "epoch 1/6"), ("qat", "epoch 3/6")] {
      let name = "stopped-\(phase)"
      let running = try Program.Running(
        small.arguments(name, settings), ranks: 2, timeoutSeconds: 240)
      #expect(running.waitFor(line))
      running.send(SIGUSR1)
      let stopped = running.wait()
      #expect(stopped.exitCode == 75, "\(stopped.output)\(stopped.errors)")
      let newest = try #require(try small.checkpoints(name).last)
      #expect(try small.manifestNumber(name, newest, "position") != 0, "stopped between epochs")

      for ranks in [1, 4] {
        let copy = "\(name)-\(ranks)"
        try FileManager.default.copyItem(at: small.run(name), to: small.run(copy))
        let resumed = try Program.run(
          small.arguments(copy, settings + ["--resume", "auto"]), ranks: ranks)
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
        #expect(try small.checkpoints(copy).last == last)
        #expect(
          try small.tensors(copy, last) == small.tensors("whole", last),
          "stopped in \(phase), resumed on \(ranks) ranks")
      }
    }
  }
}
