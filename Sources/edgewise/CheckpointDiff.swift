import ArgumentParser
import Checkpoints

struct CheckpointDiff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compares two checkpoints bit by bit.",
    discussion: """
      Example: edgewise checkpoint diff runs/a runs/b/checkpoints/step-00001200 --json

      Exit code 0 if they are identical, 1 if not. Who wrote them, and on how many ranks, does not \
      count.
      """)

  @Argument(
    help: "A checkpoint's folder, or a run's folder for its newest.", completion: .directory)
  var first: String

  @Argument(help: "The other one.", completion: .directory)
  var second: String

  @Flag(help: "Print one JSON document; \"identical\" says it all.")
  var json = false

  func run() throws {
    try endingAlone {
      let found = try difference(openCheckpoint(first), openCheckpoint(second))
      if json {
        printJSON(try JSONValue(encoding: found))
      } else {
        TerminalText.print(found.text) { _ in found.identical ? .green : nil }
      }
      if !found.identical { throw ExitCode(1) }
    }
  }
}
