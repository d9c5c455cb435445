import Foundation
import Parallel
import Testing

/// In processes of their own: signals belong to the whole process.
@Suite struct StopSignalsTests {
  @Test(arguments: ["USR1", "TERM", "INT"])
  func `a signal sets the flag and the process goes on`(name: String) throws {
    let outcome = try MPIRun.run(
      "signal-\(name)", ranks: 1, filter: "ParallelTests.ParallelChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    #expect(outcome.reports[0] == "before false, after true, by \(name)", "\(outcome.log)")
  }

  @Test func `a signal on one rank reaches all of them with the maxima`() throws {
    let outcome = try MPIRun.run("stop", ranks: 2, filter: "ParallelTests.ParallelChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    #expect(outcome.reports == ["stopped after step 3", "stopped after step 3"], "\(outcome.log)")
  }

  @Test func `a second signal ends the process`() throws {
    let outcome = try MPIRun.run("second", ranks: 1, filter: "ParallelTests.ParallelChildren")
    #expect(outcome.exitCode != 0, "\(outcome.log)")
    #expect(outcome.reports[0] == "alive after the repetition", "\(outcome.log)")
    #expect(outcome.log.contains("signal 10"), "\(outcome.log)")
  }
}
