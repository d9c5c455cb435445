import ArgumentParser
import Glibc
import Texts

/// The program: one subcommand per file.
@main
struct Edgewise: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edgewise",
    abstract: "Trains detectors for small devices, quantized and distributed, bit for bit.",
    discussion: """
      Example: edgewise launch -n 2 -- train recipes/demo.yaml --run runs/demo

      Exit codes: 0 done; 1 failed; 64 usage; 65 bad data; 71 a rank was lost; 74 input or output; \
      75 stopped by a signal after a good checkpoint. Results that standard output does not take are \
      input or output too. After 71 and 75 run the same command again \
      with --resume auto; launch does so by itself after 71.
      """,
    subcommands: [
      Train.self, LaunchCommand.self, Calibrate.self, Evaluate.self, Predict.self, Export.self,
      CheckTarget.self, ParityCommand.self, SensitivityCommand.self, CheckpointCommand.self,
      ReportCommand.self, DataCommand.self, Bench.self, Doctor.self,
    ])

  @Flag(help: "Print the version, and those of the libraries.")
  var version = false

  func run() throws {
    guard version else { throw CleanExit.helpRequest(self) }
    for line in versionLines() { print("\(line)") }
  }

  static func main() {
    StandardDescriptors.reserve()
    StandardDescriptors.surviveBrokenPipes()
    if let argument = firstUnreadableArgument() {
      complain(
        "the argument \(argument) is not UTF-8, and another path could be meant; rename the file or folder"
      )
      Glibc.exit(64)
    }
    Glibc.exit(runCommand(Array(CommandLine.arguments.dropFirst())))
  }

  /// - Returns: the exit code.
  private static func runCommand(_ arguments: [String]) -> Int32 {
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
      return StandardOutput.lostResults() ?? 0
    } catch {
      let code = exitCode(for: error).rawValue
      let text = message(for: error, arguments)
      guard code == 0 else {
        if !text.isEmpty { StandardError.write(text + "\n") }
        return code
      }
      if !text.isEmpty { StandardOutput.write(text + "\n") }
      return StandardOutput.lostResults() ?? code
    }
  }

  /// What ArgumentParser says of an error, several lines, or its help; empty for a bare exit code.
  private static func message(for error: any Error, _ arguments: [String]) -> String {
    let safe = arguments.map(printable)
    // It repeats arguments, so it is asked again about printable ones.
    if safe != arguments {
      do { _ = try parseAsRoot(safe) } catch { return printableLines(fullMessage(for: error)) }
    }
    return printableLines(fullMessage(for: error))
  }
}
