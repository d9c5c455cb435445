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

  @Test func `a fact that one rank lacks differs, and names are not bound to places`() throws {
    let mixed = try #require(
      MixedRanks(
        comparing: [[("a", "1"), ("b", "2")], [("b", "2"), ("a", "1"), ("c", "3")]],
        hosts: ["x", "y"]))
    #expect(mixed.differences.map(\.fact) == ["c"])
    #expect(mixed.description.contains("  c: none on rank 0 (x)\n  c: 3 on rank 1 (y)"))
  }

  @Test func `options, recipe and weights are never allowed to differ`() throws {
    for subject in [MixedRanks.Subject.arguments, .recipe, .weights] {
      let mixed = try #require(
        MixedRanks(
          comparing: [facts("a", "1"), facts("a", "2")], hosts: ["x", "y"], of: subject))
      #expect(!mixed.description.contains("--allow-mixed"))
    }
  }

  @Test func `of many ranks sixteen are named`() throws {
    let mixed = try #require(
      MixedRanks(
        comparing: (0..<40).map { facts($0 < 39 ? "a" : "b", "1") },
        hosts: Array(repeating: "x", count: 40)))
    #expect(mixed.description.contains("15 (x) and 23 more"))
  }
}
