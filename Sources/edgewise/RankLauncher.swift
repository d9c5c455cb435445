import Checkpoints
import Foundation
import Parallel

/// Starts this very program again, on some ranks, and reads the JSON document it prints.
struct RankLauncher {
  /// What an outer launcher set in the environment would make the ranks take part in its job.
  static func isOfLauncher(_ variable: String) -> Bool {
    [
      "PMIX_", "PMI_", "OMPI_COMM_WORLD", "OMPI_MCA_orte_", "OMPI_MCA_ess", "OMPI_MCA_pmix",
      "OMPI_UNIVERSE_SIZE", "OMPI_APP_CTX", "OMPI_FIRST_RANKS", "OMPI_NUM_APP_CTX",
    ].contains { variable.hasPrefix($0) }
  }

  /// - Parameter ranks: 1 runs without `mpirun`.
  /// - Throws: a sentence where the program cannot be started, fails, or prints something else.
  static func json(ranks: Int, _ arguments: [String]) throws -> JSONValue {
    let program = try ownProgram()
    let launcher =
      ranks == 1
      ? [] : ["mpirun", "--quiet", "--oversubscribe", "--bind-to", "none", "-n", "\(ranks)"]
    let command = launcher + [program] + arguments
    func failed(_ reason: String, exitCode: Int32) -> FailureReport {
      let shown = (launcher + ["edgewise"] + arguments).joined(separator: " ")
      return FailureReport(message: "`\(shown)` \(reason)", exitCode: exitCode, rank: 0)
    }

    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = LauncherEnvironment.values.filter { !isOfLauncher($0.key) }
    process.standardInput = FileHandle.nullDevice
    let output = Pipe()
    process.standardOutput = output
    do { try process.run() } catch {
      throw failed("cannot be started (\(error.localizedDescription))", exitCode: 1)
    }
    let bytes = (try? output.fileHandleForReading.readToEnd()) ?? Data()
    process.waitUntilExit()
    // What `env` answers for a program that is not there.
    guard process.terminationStatus != 127 else {
      throw failed(
        "cannot be started: mpirun is not on PATH; install openmpi-bin, or give --ranks 1",
        exitCode: 1)
    }
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw failed("ended with \(process.terminationStatus); see above for why", exitCode: 1)
    }
    guard let document = try? JSONValue(parsing: Array(bytes)) else {
      throw failed("printed no JSON document", exitCode: 1)
    }
    return document
  }
}
