import MessagePassing
import Parallel
import Testing

@Suite struct AgreementTests {
  @Test func `solo everything agrees`() throws {
    try agree(on: 42, communicator: .solo)
  }

  @Test func `equal hashes pass and the rank that differs is named on all`() throws {
    let outcome = try MPIRun.run("agreement", ranks: 3, filter: "ParallelTests.ParallelChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    for report in outcome.reports {
      let lines = (report ?? "").split(separator: "\n").map(String.init)
      try #require(lines.count == 3, "\(outcome.log)")
      #expect(lines[0] == "equal")
      #expect(lines[1].hasPrefix("The parameters after step 7 on rank 1 ("))
      // Three values, each once: the lowest rank's counts as right.
      #expect(lines[2].hasPrefix("The training state on ranks 1 ("))
      #expect(lines[2].contains("), 2 (") && lines[2].contains(") of 3 is not the same"))
    }
  }
}
