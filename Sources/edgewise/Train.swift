import ArgumentParser
import Checkpoints
import Datasets
import Engine
import MessagePassing
import Parallel
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a recipe: float, calibration, quantization-aware training.",
    discussion: """
      Examples:
        edgewise train recipes/demo.yaml --run runs/demo
        mpirun -n 2 edgewise train recipes/penn-fudan.yaml --set data.root=data/penn-fudan
        mpirun -n 4 edgewise train recipes/demo.yaml --run runs/demo --resume auto
        edgewise train recipes/demo.yaml --run runs/second --warm-start runs/demo

      USR1, TERM and interrupt end the run after the step at hand with a checkpoint and exit code 75.
      """)

  @Argument(help: "The recipe: a YAML file.", completion: .file(extensions: ["yaml"]))
  var recipe: String

  @Option(name: .customLong("set"), help: "Another value for a key: key.path=value. Repeatable.")
  var overrides: [String] = []

  @Option(
    name: .customLong("run"),
    help: "The run's folder. Default: runs/NAME, NAME being the recipe's name.")
  var runFolder: String?

  @Option(
    help: "Go on from a checkpoint: auto for the newest whole one of the run, or its path.")
  var resume: String?

  @Option(
    help: ArgumentHelp(
      "Begin with the weights of a checkpoint (or of a run's newest), as far as they fit by name; nothing else of it is taken.",
      valueName: "path"))
  var warmStart: String?

  @Flag(
    help: "Read every checkpoint back before it counts; the same as checkpoint.verifyAfterWrite.")
  var verifyAfterWrite = false

  @Flag(help: "Leave out and list pictures and labels that cannot be used, instead of stopping.")
  var skipBad = false

  @Flag(help: "Print nothing but errors.")
  var quiet = false

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      let recipe = try communicator.together(exitCode: Training.exitCode) {
        try Recipe(
          contentsOf: self.recipe,
          overrides: overrides + (skipBad ? ["data.skipBad=true"] : [])
            + (verifyAfterWrite ? ["checkpoint.verifyAfterWrite=true"] : []))
      }
      if let format = recipe.export.formats.first(where: { $0 != .onnx }) {
        throw TrainingError.unsupported(
          "`export.formats` names \(format.rawValue), which this version cannot write; use onnx")
      }
      StopSignals.install()
      setComputeThreadCount(recipe.system.threads)
      // Before anything slow: more ranks than shards cannot work.
      _ = try communicator.together(exitCode: Training.exitCode) {
        try ShardAssignment(shardCount: recipe.batch.shards, worldSize: communicator.size)
      }
      let folder = runFolder ?? "runs/\(recipe.name)"
      let data = try recipe.loadData(runFolder: folder, communicator: communicator)
      let reporter = RunReporter(
        folder: folder, isPrinting: communicator.rank == 0 && !quiet,
        isWriting: communicator.rank == 0)
      reporter.note(
        "\(recipe.name): \(recipe.model.architecture.rawValue) at \(recipe.model.inputSize) pixels, "
          + "\(data.training.samples.count) pictures to train on, \(data.validation.samples.count) to validate, "
          + "\(communicator.size) rank\(communicator.size == 1 ? "" : "s")")
      for item in (data.training.skipped + data.validation.skipped).prefix(20) {
        reporter.note("left out or mended: \(item.place): \(item.reason)")
      }
      let trainer = try Trainer(
        recipe: recipe, data: data, runFolder: folder, resume: choice(),
        warmStart: try warmStart.map { try openCheckpoint($0, communicator: communicator).path },
        libraries: libraries(), communicator: communicator, reporter: reporter)
      try communicator.together(exitCode: Training.exitCode) {
        try reporter.begin(lastEpoch: trainer.epochsDone, lastStep: trainer.stepsDone)
      }
      switch try trainer.run() {
      case .finished:
        reporter.note("finished; checkpoints in \(folder)/checkpoints")
        try export(recipe, folder, communicator, reporter)
      case .stopped:
        reporter.note(
          "stopped after step \(trainer.stepsDone) with a checkpoint; go on with --resume auto")
        throw ExitCode(75)
      }
    }
  }

  /// The finished model beside its checkpoints, written anew by every run that ends here.
  private func export(
    _ recipe: Recipe, _ folder: String, _ communicator: Communicator, _ reporter: RunReporter
  ) throws {
    guard recipe.export.formats.contains(.onnx) else { return }
    try communicator.together(exitCode: Training.exitCode) {
      guard communicator.rank == 0 else { return }
      // Without QAT epochs the calibrated model is the result.
      let source = recipe.schedule.qatEpochs > 0 ? folder : "\(folder)/calibrated"
      let model = try DeployedModel(checkpoint: openCheckpoint(source))
      let path = "\(folder)/model.onnx"
      try writeWhole(try model.onnx(.int8), to: path, isReplacing: true)
      reporter.note("exported \(path): int8 for \(recipe.quantization.target.rawValue)")
    }
  }

  private func choice() -> Resume {
    switch resume {
    case nil: .none
    case "auto": .auto
    case .some(let path): .path(path)
    }
  }
}

/// What the numbers of a run come from; part of its checkpoints.
func libraries() -> [String: String] {
  let compute = ComputeDescription.current
  return ["compute": "\(compute.library), \(compute.instructionSet)"]
}
