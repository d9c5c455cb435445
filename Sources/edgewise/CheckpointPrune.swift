import ArgumentParser
import Checkpoints
import Foundation
import Parallel

struct CheckpointPrune: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Removes old checkpoints of a run.",
    discussion: """
      Example: edgewise checkpoint prune runs/demo --keep-last 2 --keep-every 1000 --dry-run

      Damaged ones stay, for a person to judge, and the last whole one stays in any case, as does the \
      last of the float phase: `calibrate` starts from it. A run that is under way is left alone.
      """)

  @Argument(help: ArgumentHelp("The run's folder.", valueName: "run"), completion: .directory)
  var folder: String

  @Option(help: "How many of the newest stay.")
  var keepLast = 1

  @Option(help: "Besides, of every run of so many steps the first one stays.")
  var keepEvery: Int?

  @Option(help: "Besides, the best of each phase by this metric stays; of equal ones the oldest.")
  var best = "mAP50-95"

  @Flag(help: "For --best: lower is better, as for a loss.")
  var lowerIsBetter = false

  @Flag(help: "Say what would be removed, and remove nothing.")
  var dryRun = false

  @Flag(help: "Print one JSON document.")
  var json = false

  func validate() throws {
    guard keepLast >= 1, keepEvery.map({ $0 >= 1 }) ?? true else {
      throw ValidationError("--keep-last and --keep-every must be 1 or more")
    }
  }

  func run() throws {
    try endingAlone {
      guard FileManager.default.fileExists(atPath: folder) else {
        throw FailureReport(
          message: "\(folder): there is no such run folder", exitCode: 74, rank: 0)
      }
      let lock = try dryRun ? nil : RunLock(runFolder: folder)
      defer { withExtendedLifetime(lock) {} }
      let pruning = try CheckpointStore(runFolder: folder).prune(
        RetentionPolicy(
          keepLast: keepLast, keepEverySteps: keepEvery,
          best: .init(metric: best, higherIsBetter: !lowerIsBetter), keepsPhaseEnds: true),
        isTrial: dryRun)
      if json {
        printJSON(["run": .string(folder), "pruning": try JSONValue(encoding: pruning)])
      } else {
        print("\(pruning.text(isTrial: dryRun))")
      }
    }
  }
}
