import ArgumentParser
import Benchmarks
import Checkpoints
import Foundation
import Reporting

struct BenchCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Compares measured ratios with stored ones; exit code 1 on a regression.",
    discussion: """
      Example: edgewise bench check .build/bench.jsonl --against scripts/bench-ratios.json

      Ratios of times measured in the same minutes, and sizes, never absolute times. Each stored ratio \
      has its own tolerance; one that was not measured counts as a regression.
      """)

  @Argument(help: "Files of results, as `bench … --json` prints them.", completion: .file())
  var results: [String]

  @Option(help: "The stored ratios.", completion: .file(extensions: ["json"]))
  var against: String

  @Flag(help: "Store what was measured instead; tolerances stay.")
  var update = false

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      let measured = try readBenchmarkResults(results).ratios()
      let bytes = try readWhole(against)
      let stored = try asBadData { try StoredRatios(parsing: bytes, file: against) }
      let comparisons = stored.compare(measured)
      if update {
        let text = stored.updated(with: measured).text
        try writeWhole(Array(text.utf8), to: against, isReplacing: true)
      }
      let isBad = comparisons.contains { $0.verdict == .worse || $0.verdict == .missing }
      if json {
        printJSON([
          "kept": .bool(!isBad),
          "ratios": .array(
            comparisons.map { comparison in
              [
                "name": .string(comparison.name), "stored": .number(comparison.stored.value),
                "measured": comparison.measured.map { .number($0) } ?? .null,
                "bound": decimals(comparison.stored.bound, 4),
                "verdict": .string("\(comparison.verdict)"),
              ]
            }),
        ])
      } else {
        for comparison in comparisons { print("\(comparison.sentence)") }
        if update { print("stored in \(against)") }
      }
      if isBad && !update { throw ExitCode(1) }
    }
  }
}
