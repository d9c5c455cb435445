import ArgumentParser
import Checkpoints
import Foundation
import Parallel
import Training

struct CheckpointVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Reads every byte of checkpoints and compares every checksum.",
    discussion: """
      Example: edgewise checkpoint verify runs/demo/checkpoints/step-00001200

      A run's folder stands for all its checkpoints. Exit code 65 if one is damaged.
      """)

  @Argument(
    help: "Folders of checkpoints, or of runs for all their checkpoints.", completion: .directory)
  var paths: [String]

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      let reports = try paths.flatMap(checkpointFolders).map(report)
      let isWhole = reports.allSatisfy(\.isWhole)
      if json {
        printJSON(["whole": .bool(isWhole), "checkpoints": try JSONValue(encoding: reports)])
      } else {
        for report in reports {
          TerminalText.print(report.text) { _ in report.isWhole ? .green : .red }
        }
      }
      if !isWhole { throw ExitCode(65) }
    }
  }

  /// Checksums, and whether the manifest's counters are those of a run of its recipe.
  private func report(_ path: String) -> VerificationReport {
    var report = Checkpoints.verify(path: path)
    guard let manifest = try? CheckpointReader(path: path).manifest,
      manifest.state["phase"] != nil
    else { return report }
    do {
      _ = try RunCounters(
        manifest, recipe: try Recipe(json: manifest.recipe.lineText),
        path: "\(path)/\(Manifest.fileName)")
    } catch {
      report.problems.append("\(error)")
    }
    return report
  }

  private func checkpointFolders(_ path: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: path) else {
      throw FailureReport(
        message: "\(path): there is no such checkpoint or run", exitCode: 74, rank: 0)
    }
    guard !FileManager.default.fileExists(atPath: "\(path)/\(Manifest.fileName)"),
      FileManager.default.fileExists(atPath: "\(path)/checkpoints")
    else { return [path] }
    let found = try CheckpointStore(runFolder: path).list().map(\.path)
    if found.isEmpty { throw CheckpointError.noCheckpoint(path: path, skipped: []) }
    return found
  }
}
