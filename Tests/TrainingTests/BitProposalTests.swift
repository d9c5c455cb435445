import Foundation
import Testing
import Training

@Suite struct BitProposalTests {
  /// Three layers: `a` large and slow, `b` small and slow, `c` large and fast; `b` costs the most.
  private func report() throws -> SensitivityReport {
    func row(_ name: String, _ weights: Int, decibels: Double) -> String {
      """
      {"name": "\(name)", "bits": 4, "layers": ["\(name)"], "weightCount": \(weights),
       "alone": {"decibels": \(decibels)}, "without": {"decibels": 20}}
      """
    }
    let text = """
      {"float": {}, "whole": {"decibels": 20}, "rows": [], "lowBits": 4,
       "low": [\(row("a", 1000, decibels: 30)), \(row("b", 101, decibels: 20)),
               \(row("c", 1000, decibels: 29))],
       "layers": [{"name": "a", "weightCount": 1000, "multiplyCount": 8000},
                  {"name": "b", "weightCount": 101, "multiplyCount": 8000},
                  {"name": "c", "weightCount": 1000, "multiplyCount": 1000}]}
      """
    return try JSONDecoder().decode(SensitivityReport.self, from: Data(text.utf8))
  }

  private func proposal(_ budget: BitProposal.Budget?) throws -> BitProposal {
    BitProposal(try report(), budget: budget, skipCount: 5, leastGain: 0.05)
  }

  @Test func `without a budget nothing is lowered`() throws {
    let none = try proposal(nil)
    #expect(none.lowered.isEmpty && none.fits && none.time == nil)
    #expect(none.byteCount == 2101 && none.leastByteCount == 500 + 51 + 500)
  }

  @Test func `bytes take the layers whose bytes cost least`() throws {
    let mix = try proposal(.bytes(1700))
    #expect(mix.lowered == ["a"] && mix.byteCount == 1601 && mix.fits)
    #expect(try proposal(.bytes(1200)).lowered == ["a", "c"])
    #expect(try proposal(.bytes(1051)).lowered == ["a", "c", "b"])
    #expect(try !proposal(.bytes(1050)).fits)
  }

  @Test func `modelled time takes those whose multiplications cost least`() throws {
    let times = LayerTimes(modelling: try report().layers)
    // `b` is ten times as noisy as `a` for the same time; `c` costs 1.26 times as much for an eighth of it.
    let mix = try proposal(.time(part: 0.5, times))
    #expect(mix.lowered == ["a", "b", "c"] || mix.lowered == ["a", "c", "b"])
    #expect(mix.time?.unit == .multipliesTimesBits && mix.fits)
    #expect(mix.time?.atEight == 8 * 17000 && mix.time?.proposed == mix.time?.least)
    let half = try proposal(.time(part: 0.77, times))
    #expect(half.lowered == ["a"], "\(half.lowered)")
    #expect(try !proposal(.time(part: 0.49, times)).fits)
  }

  @Test func `measured time counts what has no weights as it is`() throws {
    var missing: String?
    let layers = try report().layers
    let rows = [("a", 1e-3), ("norm", 2e-3), ("b", 1e-3), ("c", 4e-3)]
    let times = try #require(
      LayerTimes(seconds: rows.map { (name: $0.0, seconds: $0.1) }, of: layers, missing: &missing))
    // Now `c` saves four times as much as `a` for hardly more noise.
    let mix = try proposal(.time(part: 0.75, times))
    #expect(mix.lowered == ["c"] && mix.fits, "\(mix.lowered)")
    let time = try #require(mix.time)
    #expect(time.unit == .seconds)
    #expect(abs(time.atEight - 8e-3) < 1e-12 && abs(time.proposed - 6e-3) < 1e-12)
    #expect(abs(time.least - 5e-3) < 1e-12)
    // Two thirds of it can never be saved.
    #expect(try !proposal(.time(part: 0.6, times)).fits)
  }

  @Test func `a layer without a time is named`() throws {
    var missing: String?
    let times = LayerTimes(
      seconds: [(name: "a", seconds: 1), (name: "c", seconds: 1)], of: try report().layers,
      missing: &missing)
    #expect(times == nil && missing == "b")
  }
}
