import ArgumentParser
import Checkpoints
import Foundation
import Parallel

/// `edgewise checkpoint …`: reads folders of checkpoints; starts no MPI and builds no network.
struct CheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Lists, shows, verifies and compares checkpoints.",
    discussion: """
      Examples:
        edgewise checkpoint list runs/demo
        edgewise checkpoint show runs/demo/checkpoints/step-00001200 --statistics
        edgewise checkpoint verify runs/demo/checkpoints/*
        edgewise checkpoint diff runs/a runs/b --json
      """,
    subcommands: [List.self, Show.self, Verify.self, Diff.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists the checkpoints of a run, newest first.",
      discussion: """
        Example: edgewise checkpoint list runs/demo --verify

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
        if json {
          printJSON(["run": .string(folder), "checkpoints": try JSONValue(encoding: entries)])
        } else {
          print(CheckpointEntry.table(entries))
        }
        if entries.contains(where: { !$0.isComplete }) { throw ExitCode(65) }
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows what a checkpoint holds: metrics, recipe, tensors.",
      discussion: """
        Example: edgewise checkpoint show runs/demo --statistics --json
        """)

    @Argument(
      help: "A checkpoint's folder, or a run's folder for its newest.", completion: .directory)
    var path: String

    @Flag(help: "Read every tensor and give its minimum, mean, maximum and spread.")
    var statistics = false

    @Flag(help: "Print one JSON document.")
    var json = false

    func run() throws {
      try endingAlone {
        let description = try openCheckpoint(path).description(withStatistics: statistics)
        if json {
          printJSON(try JSONValue(encoding: description))
        } else {
          print(description.text)
        }
      }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
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
        let reports = try paths.flatMap(checkpointFolders).map { Checkpoints.verify(path: $0) }
        let isWhole = reports.allSatisfy(\.isWhole)
        if json {
          printJSON(["whole": .bool(isWhole), "checkpoints": try JSONValue(encoding: reports)])
        } else {
          for report in reports { print(report.text) }
        }
        if !isWhole { throw ExitCode(65) }
      }
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

  struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
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
          print(found.text)
        }
        if !found.identical { throw ExitCode(1) }
      }
    }
  }
}
