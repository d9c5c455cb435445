import MessagePassing
import Parallel
import Testing

@Suite struct MixedRanksTests {
  private func facts(_ set: String, _ library: String) -> [(name: String, value: String)] {
    [("instruction set", set), ("library", library)]
  }

  @Test func `equal ranks pass`() throws {
    #expect(
      MixedRanks(comparing: [facts("AVX2", "1"), facts("AVX2", "1")], hosts: ["a", "b"]) == nil)
    try compare(facts("AVX2", "1"), communicator: .solo)
  }

  @Test func `every difference is listed with its values, ranks and hosts`() throws {
    let mixed = try #require(
      MixedRanks(
        comparing: [facts("AVX2", "1"), facts("AVX-512", "1"), facts("AVX2", "2")],
        hosts: ["a", "b", "c"]))
    let lines = mixed.description.split(separator: "\n").map(String.init)
    #expect(lines.count == 5)
    #expect(lines[0].contains("instruction set, library") && lines[0].contains("--allow-mixed"))
    #expect(
      lines[1...] == [
        "  instruction set: AVX2 on ranks 0 (a), 2 (c)", "  instruction set: AVX-512 on rank 1 (b)",
        "  library: 1 on ranks 0 (a), 1 (b)", "  library: 2 on rank 2 (c)",
      ])
  }
}
