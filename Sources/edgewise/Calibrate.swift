import ArgumentParser
import Checkpoints
import Engine
import MessagePassing
import Parallel
import Training

struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Quantizes a float checkpoint without training: ranges from some pictures.",
    discussion: """
      Examples:
        edgewise calibrate runs/demo/checkpoints/step-00000400 --output runs/ptq --images 256
        edgewise evaluate runs/ptq/calibrated --set data.root=runs/demo/data

      The new checkpoint lies in calibrated/ of the output folder. A run of `train` does this by itself \
      between its phases, and leaves RUN/calibrated.
      """)

  @Argument(
    help: "A checkpoint of the float phase, or a run's folder for its newest.",
    completion: .directory)
  var checkpoint: String

  @Option(help: "The folder for the new checkpoint.", completion: .directory)
  var output: String

  @Option(help: "How many training pictures to look at. Default: what the recipe says.")
  var images: Int?

  @Option(
    name: .customLong("set"),
    help: "Another value for a key of data, evaluation or system: key.path=value. Repeatable.")
  var overrides: [String] = []

  @Flag(help: "Print one JSON document.")
  var json = false

  func validate() throws {
    if let images, images < 1 { throw ValidationError("--images must be at least 1") }
  }

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      let reader = try openCheckpoint(checkpoint, communicator: communicator)
      let recipe = try communicator.together(exitCode: Training.exitCode) {
        var model = try DeployedModel(checkpoint: reader)
        try model.apply(overrides: overrides)
        return model.recipe
      }
      setComputeThreadCount(recipe.system.threads)
      let data = try recipe.loadData(
        runFolder: runFolder(ofCheckpoint: reader.path), communicator: communicator)
      let reporter = RunReporter(
        folder: output, isPrinting: communicator.rank == 0 && !json, isWriting: false)
      let trainer = try Trainer(
        recipe: recipe, data: data, runFolder: output, resume: .path(reader.path),
        libraries: libraries(for: data.training), communicator: communicator, reporter: reporter)
      let made = try trainer.calibrateAlone(images: images)
      guard communicator.rank == 0 else { return }
      if json {
        var values: [String: JSONValue] = made.scores.mapValues { .number($0) }
        values["checkpoint"] = .string(made.path)
        values["as"] = "int8"
        printJSON(.object(values))
      } else {
        print(made.path)
      }
    }
  }
}
