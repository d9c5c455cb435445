import MessagePassing
import Parallel
import Testing

@Suite struct FailureReportTests {
  @Test func `solo a failure is thrown as it is`() throws {
    try Communicator.solo.throwTogether(nil)
    let report = FailureReport(message: "picture.jpg ends early.", exitCode: 65, rank: 0)
    #expect(throws: report) { try Communicator.solo.throwTogether(report) }
  }

  @Test func `together gives the result or a report with the mapped exit code`() throws {
    #expect(try Communicator.solo.together { 7 } == 7)
    struct Missing: Error, CustomStringConvertible { var description: String { "No file x." } }
    #expect(throws: FailureReport(message: "No file x.", exitCode: 74, rank: 0)) {
      try Communicator.solo.together(exitCode: { $0 is Missing ? 74 : 1 }, { throw Missing() })
    }
  }

  @Test func `a failure on one rank is the same error on all`() throws {
    let outcome = try MPIRun.run("failure", ranks: 3, filter: "ParallelTests.ParallelChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    let expected = """
      none
      rank 1, exit code 65: Zeile 3: ungültig.
      rank 0, exit code -2: 0
      rank 2, exit code 74: No space.
      decided on 0
      rank 0, exit code 74: No space.
      """
    #expect(outcome.reports == .init(repeating: expected, count: 3), "\(outcome.log)")
  }
}
