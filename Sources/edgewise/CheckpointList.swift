import ArgumentParser
import Checkpoints
import Foundation
import Parallel
import Reporting

struct CheckpointList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the checkpoints of a run, newest first.",
    discussion: """
      Example: edgewise checkpoint list runs/demo --verify

      A score is that of a checkpoint's own weights; one between two evaluations has none. The last line names \
      what RUN@best means in other commands.

      Without --verify, manifests and file lengths are checked; with it every byte is read. Exit code \
      65 if a checkpoint is damaged.
      """)

  @Argument(
    help: ArgumentHelp("The run's folder.", valueName: "run"), completion: .directory)
  var folder: String

  @Flag(help: "Read every byte and compare every checksum.")
  var verify = false

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      guard FileManager.default.fileExists(atPath: folder) else {
        throw FailureReport(
          message: "\(folder): there is no such run folder", exitCode: 74, rank: 0)
      }
      let entries = try CheckpointStore(runFolder: folder).list(isVerifying: verify)
      let best = try BestCheckpoint(run: folder).candidates.first
      if json {
        printJSON([
          "run": .string(folder), "checkpoints": try JSONValue(encoding: entries),
          "best": try best.map { try JSONValue(encoding: $0) } ?? .null,
        ])
      } else {
        TerminalText.print(CheckpointEntry.table(entries)) {
          $0.contains("damaged: ") ? .red : $0.contains("  verified") ? .green : nil
        }
        if let best, let score = BestCheckpoint.score(of: best) {
          print("\(folder)@best: \(best.path), mAP50-95 \(fixed(score, 4))")
        }
      }
      if entries.contains(where: { !$0.isComplete }) { throw ExitCode(65) }
    }
  }
}
