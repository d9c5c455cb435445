import ArgumentParser
import Benchmarks

struct BenchReport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes results of the other bench commands as a page of Markdown.",
    discussion: """
      Example: edgewise bench report .build/bench.jsonl peers.jsonl --output docs/performance.md

      A file of results has what `bench … --json` prints, one document per line; lines with a key \
      "peer" are of other programs and are set beside ours. The page describes this machine by its \
      processor, never by its name.
      """)

  @Argument(help: "Files of results.", completion: .file())
  var results: [String]

  @Option(help: "The file to write.")
  var output: String

  func run() throws {
    try endingAlone {
      let page = PerformanceReport(try readBenchmarkResults(results), machine: .current)
      try writeWhole(Array(page.text.utf8), to: output, isReplacing: true)
      print("\(output)")
    }
  }
}
