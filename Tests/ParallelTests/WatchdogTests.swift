import Foundation
import MessagePassing
import Parallel
import Testing

@Suite struct WatchdogTests {
  /// The limit is three seconds; a beat lasts an eighth of it. How promptly it is named on a machine
  /// with nothing else to do is measured by `scripts/soak`; here only that it is not some other limit.
  @Test func `a rank frozen by SIGSTOP is named by another, with what each was doing`()
    throws
  {
    let outcome = try MPIRun.run(
      "frozen", ranks: 3, filter: "ParallelTests.WatchdogChildren", timeoutSeconds: 60)
    #expect(outcome.exitCode == 71, "\(outcome.log)")
    let reports = outcome.reports.compactMap { $0 }
    #expect(reports.count == 1, "one rank speaks: \(outcome.reports)")
    let lines = (reports.first ?? "").split(separator: "\n").map(String.init)
    try #require(lines.count == 5, "\(outcome.reports)")
    #expect(lines[0].hasPrefix("rank 1 (") && lines[0].contains("no sign of life"))
    let waiting = "was summing gradients with the other ranks at step 3, inside MPI_Barrier"
    #expect(lines[1].contains(waiting) && lines[3].contains(waiting), "\(lines)")
    #expect(lines[2].contains("was computing its shards at step 3"))
    let seconds = try #require(Double(lines[4]))
    #expect(seconds < 30, "\(seconds) s after the freeze")
  }

  /// The speaker's own beats end as soon as it speaks; MPI may take seconds to end the job.
  @Test func `a rank that is ending the job is not named in its turn`() throws {
    let outcome = try MPIRun.run(
      "slowEnd", ranks: 3, filter: "ParallelTests.WatchdogChildren", timeoutSeconds: 60)
    #expect(outcome.exitCode == 71, "\(outcome.log)")
    let reports = outcome.reports.compactMap { $0 }
    #expect(reports.count == 1, "one rank speaks: \(outcome.reports)")
    #expect(reports.first?.hasPrefix("rank 1 (") == true, "\(outcome.reports)")
  }

  @Test func `a rank that runs but gets no further is named, and one that makes progress is not`()
    throws
  {
    let outcome = try MPIRun.run(
      "stuck", ranks: 2, filter: "ParallelTests.WatchdogChildren", timeoutSeconds: 60)
    #expect(outcome.exitCode == 71, "\(outcome.log)")
    let report = outcome.reports.compactMap { $0 }.first ?? ""
    #expect(report.hasPrefix("rank 1 (") && report.contains("got no further"), "\(report)")
    // Not at step 1, whose slow part shows progress.
    #expect(
      report.split(separator: "\n").last?.contains("was computing its shards at step 2") == true,
      "\(report)")
  }
}

/// What the ranks do.
@Suite(.serialized) struct WatchdogChildren {
  private func watch(
    _ world: Communicator, since begin: Date? = nil, abortAfter pause: UInt32 = 0
  ) throws -> Watchdog {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "edgewise-watchdog-\(getppid())").path
    return try Watchdog(
      communicator: world, runFolder: folder, hangSeconds: 3, stopSeconds: 0
    ) { alarm in
      guard case .hang(let report) = alarm else { return }
      let seconds = begin.map { "\n\(Date().timeIntervalSince($0))" } ?? ""
      try? MPIRun.report(report + seconds, rank: world.rank)
      usleep(pause * 1_000_000)
      try? FileManager.default.removeItem(atPath: folder)
      world.abort(code: 71)
    }
  }

  @Test(.enabled(if: MPIRun.child == "frozen"))
  func frozen() throws {
    let world = try Communicator.world()
    try freezeRankOne(world, watch(world, since: Date().addingTimeInterval(0.5)))
  }

  @Test(.enabled(if: MPIRun.child == "slowEnd"))
  func slowEnd() throws {
    let world = try Communicator.world()
    try freezeRankOne(world, watch(world, abortAfter: 6))
  }

  private func freezeRankOne(_ world: Communicator, _ watchdog: Watchdog) throws {
    Activity.computing.begin(step: 3)
    try world.barrier()
    usleep(500_000)
    if world.rank == 1 {
      kill(getpid(), SIGSTOP)
      // The signal goes to any thread of the process; until that one has stopped the others, this one
      // runs on, and would enter the barrier and let the others out of it.
      usleep(30_000_000)
    }
    Activity.reducing.begin(step: 3)
    try world.barrier()
    // The end of the job wakes the frozen rank: what all do then must not hide the report.
    usleep(10_000_000)
    watchdog.stop()
    try MPIRun.report("nobody noticed", rank: world.rank)
  }

  @Test(.enabled(if: MPIRun.child == "stuck"))
  func stuck() throws {
    let world = try Communicator.world()
    let watchdog = try watch(world)
    Activity.computing.begin(step: 1)
    if world.rank == 1 {
      // Slow, but with signs of progress.
      for _ in 0..<15 {
        usleep(300_000)
        Activity.goOn()
      }
    }
    Activity.reducing.begin(step: 1)
    try world.barrier()
    Activity.computing.begin(step: 2)
    if world.rank == 1 { usleep(20_000_000) }
    Activity.reducing.begin(step: 2)
    try world.barrier()
    // The end of the job wakes the frozen rank: what all do then must not hide the report.
    usleep(10_000_000)
    watchdog.stop()
    try MPIRun.report("nobody noticed", rank: world.rank)
  }
}
