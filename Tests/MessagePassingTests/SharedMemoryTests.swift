import MessagePassing
import Testing

@Suite struct SharedMemoryTests {
  @Test func `alone there is one block of zeros`() throws {
    let memory = try SharedMemory(byteCount: 100, communicator: .solo)
    #expect(memory.peers.count == 1 && memory.peers[0] == nil)
    #expect((0..<100).allSatisfy { memory.base.load(fromByteOffset: $0, as: UInt8.self) == 0 })
  }

  @Test func `ranks on one host read what the others wrote, unless told not to`() throws {
    let outcome = try MPIRun.run(
      "shared", ranks: 3, filter: "MessagePassingTests.CommunicatorChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    #expect(outcome.reports == ["good", "good", "good"], "\(outcome.log)")
  }
}
