import Foundation
import MessagePassing
import Parallel
import Testing

/// What the ranks do that the other suites start.
@Suite(.serialized) struct ParallelChildren {
  @Test(.enabled(if: MPIRun.child == "reduction"))
  func reduction() throws {
    let world = try Communicator.world()
    let whole = try ReductionCase.reportAll(world)
    // The same with every message cut: what happens beyond 2³¹ - 1 elements.
    let cut = try ReductionCase.reportAll(world.limited(toCount: 100))
    try MPIRun.report(whole == cut ? whole : "cut messages differ\n\(cut)", rank: world.rank)
    try world.finalize()
  }

  @Test(.enabled(if: MPIRun.child == "overlap"))
  func overlap() throws {
    let world = try Communicator.world()
    let read = try ReductionCase.reportOverlapped(world, isShared: true)
    let sent = try ReductionCase.reportOverlapped(world, isShared: false)
    try MPIRun.report(read == sent ? read : "read \(read)\nsent \(sent)", rank: world.rank)
    try world.finalize()
  }

  @Test(.enabled(if: MPIRun.child == "traffic"))
  func traffic() throws {
    let world = try Communicator.world()
    let reduction = try OrderedReduction(
      communicator: world, shardCount: 8, sumCount: 63_936, maximumCount: 64)
    try MPIRun.report("\(reduction.sentByteCount)", rank: world.rank)
    try world.finalize()
  }

  @Test(.enabled(if: MPIRun.child == "tooMany"))
  func tooMany() throws {
    let world = try Communicator.world()
    do {
      _ = try OrderedReduction(
        communicator: world, shardCount: 2, sumCount: 1, maximumCount: 0)
      try MPIRun.report("nothing was thrown", rank: world.rank)
    } catch {
      try MPIRun.report("\(error)", rank: world.rank)
    }
    try world.finalize()
  }

  @Test(.enabled(if: MPIRun.child == "agreement"))
  func agreement() throws {
    let world = try Communicator.world()
    let me = UInt64(world.rank)
    var lines: [String] = []
    func ask(_ hash: UInt64, _ subject: String?) {
      do {
        if let subject {
          try agree(on: hash, of: subject, communicator: world)
        } else {
          try agree(on: hash, communicator: world)
        }
        lines.append("equal")
      } catch {
        lines.append(error.description)
      }
    }
    ask(5, nil)
    ask(me == 1 ? 6 : 5, "parameters after step 7")
    ask(me, nil)
    try MPIRun.report(lines.joined(separator: "\n"), rank: world.rank)
    try world.finalize()
  }

  @Test(.enabled(if: MPIRun.child == "failure"))
  func failure() throws {
    let world = try Communicator.world()
    let me = world.rank
    var lines: [String] = []
    func say(_ local: FailureReport?) {
      do {
        try world.throwTogether(local)
        lines.append("none")
      } catch {
        lines.append("rank \(error.rank), exit code \(error.exitCode): \(error.message)")
      }
    }
    say(nil)
    say(me == 1 ? FailureReport(message: "Zeile 3: ungültig.", exitCode: 65, rank: me) : nil)
    say(FailureReport(message: "\(me)", exitCode: -2, rank: me))
    do {
      struct Full: Error, CustomStringConvertible { var description: String { "No space." } }
      try world.together(exitCode: { _ in 74 }, { if me == 2 { throw Full() } })
    } catch {
      lines.append("rank \(error.rank), exit code \(error.exitCode): \(error.message)")
    }
    lines.append(try world.decidedOnRank0 { "decided on \(me)" })
    do {
      struct Full: Error, CustomStringConvertible { var description: String { "No space." } }
      lines.append(try world.decidedOnRank0(exitCode: { _ in 74 }) { throw Full() })
    } catch {
      lines.append("rank \(error.rank), exit code \(error.exitCode): \(error.message)")
    }
    try MPIRun.report(lines.joined(separator: "\n"), rank: me)
    try world.finalize()
  }

  @Test(
    .enabled(if: MPIRun.child?.hasPrefix("signal-") == true),
    arguments: [("USR1", SIGUSR1), ("TERM", SIGTERM), ("INT", SIGINT)])
  func signals(name: String, number: Int32) throws {
    guard MPIRun.child == "signal-\(name)" else { return }
    StopSignals.install()
    let before = StopSignals.isRequested
    kill(getpid(), number)
    waitForRequest()
    let by = StopSignals.requestedBy == number ? name : "another"
    try MPIRun.report("before \(before), after \(StopSignals.isRequested), by \(by)", rank: 0)
  }

  /// A signal to this process may wait for the thread that takes it; half a minute at most.
  private func waitForRequest() {
    for _ in 0..<30_000 where !StopSignals.isRequested { usleep(1000) }
  }

  @Test(.enabled(if: MPIRun.child == "stop"))
  func stop() throws {
    let world = try Communicator.world()
    StopSignals.install()
    let reduction = try OrderedReduction(
      communicator: world, shardCount: 2, sumCount: 1, maximumCount: 1)
    for step in 1...10 {
      if world.rank == 1 && step == 3 {
        // To the process, not to this thread: worker threads of the pool block signals.
        kill(getpid(), SIGUSR1)
        while !StopSignals.isRequested { usleep(1000) }
      }
      reduction.begin()
      var flag: [Float] = [StopSignals.isRequested ? 1 : 0]
      reduction.add(shard: world.rank, sums: [1], maxima: flag)
      var sum: [Float] = [0]
      try reduction.finish(sums: &sum, maxima: &flag)
      if flag[0] > 0 {
        try MPIRun.report("stopped after step \(step)", rank: world.rank)
        break
      }
    }
    try world.finalize()
  }

  @Test(.enabled(if: MPIRun.child == "second"))
  func second() throws {
    StopSignals.install()
    kill(getpid(), SIGTERM)
    waitForRequest()
    // A launcher's repetition of the same request.
    kill(getpid(), SIGTERM)
    usleep(50_000)
    try MPIRun.report("alive after the repetition", rank: 0)
    usleep(2_200_000)
    kill(getpid(), SIGUSR1)
    usleep(20_000_000)
    try MPIRun.report("alive after a second signal", rank: 0)
  }
}
