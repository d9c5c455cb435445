import Benchmarks
import Testing

@Suite struct StoredRatiosTests {
  private let stored = StoredRatios(entries: [
    "speed": .init(value: 2, isHigherBetter: true, tolerance: 0.1, why: "noise"),
    "memory": .init(value: 100, isHigherBetter: false, tolerance: 0.05, why: "allocator"),
  ])

  private func verdicts(_ measured: [String: Double]) -> [String: StoredRatios.Verdict] {
    Dictionary(
      uniqueKeysWithValues: stored.compare(measured).map { ($0.name, $0.verdict) })
  }

  @Test func `a value within its tolerance is kept, in either direction`() {
    #expect(verdicts(["speed": 1.81, "memory": 104.9]) == ["speed": .kept, "memory": .kept])
    #expect(verdicts(["speed": 2.19, "memory": 95.1]) == ["speed": .kept, "memory": .kept])
  }

  @Test func `beyond it a value is worse or better as its direction says`() {
    #expect(verdicts(["speed": 1.79, "memory": 105.1]) == ["speed": .worse, "memory": .worse])
    #expect(verdicts(["speed": 2.21, "memory": 94.9]) == ["speed": .better, "memory": .better])
  }

  @Test func `what is stored must be measured; what is measured need not be stored`() {
    #expect(verdicts(["speed": 2, "other": 7]) == ["speed": .kept, "memory": .missing])
  }

  @Test func `a regression is told in one sentence with both numbers`() throws {
    let comparison = try #require(
      stored.compare(["speed": 1.5, "memory": 100]).first { $0.name == "speed" })
    #expect(
      comparison.sentence.hasPrefix(
        "speed has become worse: it is 1.5, and at least 1.8 was expected (stored 2.0, tolerance 10 %)"
      ), "\(comparison.sentence)")
  }

  @Test func `a file is read back as it was written`() throws {
    #expect(try StoredRatios(parsing: Array(stored.text.utf8), file: "f") == stored)
  }

  @Test(arguments: [
    "", "[]", #"{"format": "other", "ratios": {}}"#,
    #"{"format": "edgewise-bench-ratios", "ratios": {"a": {"value": 1, "better": "more", "tolerance": 0.1}}}"#,
    #"{"format": "edgewise-bench-ratios", "ratios": {"a": {"value": 0, "better": "lower", "tolerance": 0.1}}}"#,
    #"{"format": "edgewise-bench-ratios", "ratios": {"a": {"value": 1, "better": "lower", "tolerance": 1}}}"#,
  ])
  func `a damaged file is refused with its name`(text: String) {
    let error = #expect(throws: BenchmarkError.self) {
      try StoredRatios(parsing: Array(text.utf8), file: "ratios.json")
    }
    #expect(error?.description.hasPrefix("ratios.json: ") == true)
  }

  @Test func `an update stores three digits of what was measured and keeps the tolerances`() {
    let updated = stored.updated(with: ["speed": 2.34567, "memory": 1234.5, "other": 1])
    #expect(updated.entries["speed"]?.value == 2.35)
    #expect(updated.entries["memory"]?.value == 1230)
    #expect(updated.entries["memory"]?.tolerance == 0.05)
    #expect(updated.entries.count == 2)
  }
}
