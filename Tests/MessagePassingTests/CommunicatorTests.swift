import MessagePassing
import Testing

@Suite struct CommunicatorTests {
  @Test func `without a launcher the world is solo and every call returns its input`() throws {
    let solo = try #require(MPIRun.child == nil ? Communicator.solo : nil)
    #expect((solo.rank, solo.size) == (0, 1))
    #expect(solo.isSolo && !solo.hostName.isEmpty)
    try solo.barrier()
    var bytes: [UInt8] = [1, 2, 3]
    try solo.broadcast(bytes: &bytes)
    #expect(bytes == [1, 2, 3])
    var value: Float = 2.5
    try solo.allReduce(&value, count: 1, .sum)
    #expect(value == 2.5)
    #expect(try solo.allGather(7 as UInt64) == [7])
    #expect(try solo.allGather([4, 5]) == [[4, 5]])
    let exchange = try Exchange(sends: [], receives: [], communicator: solo)
    try exchange.start()
    try exchange.wait()
    try solo.finalize()
  }

  @Test func `a C call that fails becomes an error with its name and cause`() {
    let error = MPIError.callFailed(function: "MPI_Bcast", code: 6, text: "MPI_ERR_ROOT: bad root")
    #expect(error.description.contains("MPI_Bcast failed with code 6 (MPI_ERR_ROOT: bad root)"))
  }

  @Test(arguments: [1, 2, 3, 4])
  func `collective calls and exchanges agree on every rank`(ranks: Int) throws {
    let outcome = try MPIRun.run(
      "collectives", ranks: ranks, filter: "MessagePassingTests.CommunicatorChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    #expect(outcome.reports == .init(repeating: "good", count: ranks), "\(outcome.log)")
  }

  @Test func `an error of MPI returns, with the library's text`() throws {
    let outcome = try MPIRun.run(
      "truncation", ranks: 2, filter: "MessagePassingTests.CommunicatorChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    #expect(outcome.reports[1]?.contains("MPI_Waitall failed") == true, "\(outcome.log)")
  }

  @Test func `abort ends all ranks with its exit code`() throws {
    let outcome = try MPIRun.run(
      "abort", ranks: 3, filter: "MessagePassingTests.CommunicatorChildren", timeoutSeconds: 60)
    #expect(outcome.exitCode == 65, "\(outcome.log)")
  }

  @Test func `tasks that cannot see each other are refused`() throws {
    // Three tasks are announced, one is started.
    let outcome = try MPIRun.run(
      "incomplete", ranks: 1, filter: "MessagePassingTests.CommunicatorChildren")
    #expect(
      outcome.reports[0]?.contains("The launcher started 3 tasks, but MPI sees 1") == true,
      "\(outcome.log)")
  }
}
