import Foundation
import Testing

@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct DoctorTests {
  private func document(_ outcome: Program.Outcome) throws -> [String: Any] {
    #expect(outcome.exitCode == 0, "\(outcome.errors)")
    let value = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
    return try #require(value as? [String: Any])
  }

  @Test func `alone it looks at one rank and measures no network`() throws {
    let found = try document(
      try Program.run(["doctor", "--json", "--run", NSTemporaryDirectory()]))
    #expect(found["ranks"] as? Int == 1)
    #expect((found["per_rank"] as? [Any])?.count == 1)
    #expect(found["reduction"] == nil)
  }

  @Test func `under mpirun it looks at every rank, the clocks and the reduction`() throws {
    let found = try document(
      try Program.run(["doctor", "--json", "--run", NSTemporaryDirectory()], ranks: 2))
    #expect(found["ranks"] as? Int == 2)
    let ranks = try #require(found["per_rank"] as? [[String: Any]])
    #expect(ranks.map { $0["rank"] as? Int } == [0, 1])
    for rank in ranks {
      #expect(rank["shared"] as? Bool == true && rank["writable"] as? Bool == true)
      // One machine, one clock.
      #expect(abs(try #require(rank["clock_ahead_s"] as? Double)) < 1)
    }
    let reduction = try #require(found["reduction"] as? [String: Any])
    #expect(try #require(reduction["seconds"] as? Double) > 0)
  }

  @Test func `a folder where nothing can be written and too few processors are told with the fix`()
    throws
  {
    let ranks = ProcessInfo.processInfo.processorCount + 1
    let found = try document(
      try Program.run(["doctor", "--json", "--run", "/proc/none"], ranks: min(ranks, 8)))
    let warnings = try #require(found["warnings"] as? [String])
    #expect(warnings.contains { $0.hasPrefix("/proc/none") && $0.contains("--run") })
    #expect(ranks > 8 || warnings.contains { $0.contains("one rank per processor") })
  }
}
