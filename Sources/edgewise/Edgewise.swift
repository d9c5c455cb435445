import ArgumentParser

/// The program: one subcommand per file.
@main
struct Edgewise: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edgewise",
    abstract: "Trains detectors for small devices, quantized and distributed, bit for bit.",
    discussion: """
      Example: mpirun -n 2 edgewise train recipes/demo.yaml --run runs/demo

      Exit codes: 0 done; 1 failed; 64 usage; 65 bad data; 71 a rank was lost; 74 input or output; \
      75 stopped by a signal after a good checkpoint. After 71 and 75 run the same command again \
      with --resume auto; launch does so by itself after 71.
      """,
    subcommands: [
      Train.self, LaunchCommand.self, Calibrate.self, Evaluate.self, Predict.self, Export.self,
      CheckTarget.self, ParityCommand.self, SensitivityCommand.self, CheckpointCommand.self,
      ReportCommand.self, DataCommand.self, Bench.self, Doctor.self,
    ])

  static func main() {
    if let argument = firstUnreadableArgument() {
      complain(
        "the argument \(argument) is not UTF-8, and another path could be meant; rename the file or folder"
      )
      exit(withError: ExitCode(64))
    }
    main(nil)
  }
}
