import ArgumentParser
import Checkpoints
import Datasets
import Engine
import MessagePassing
import Parallel
import Quantization
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a recipe: float, calibration, quantization-aware training.",
    discussion: """
      Examples:
        edgewise train recipes/demo.yaml --run runs/demo
        edgewise launch -n 2 -- train recipes/penn-fudan.yaml --set data.root=data/penn-fudan
        edgewise launch -n 2 -- train recipes/demo.yaml --run runs/demo --resume auto
        edgewise launch -n 2 -- train --resume runs/demo
        edgewise train recipes/demo.yaml --run runs/second --warm-start runs/demo

      --resume RUN goes on with the newest whole checkpoint of a run's folder, in that folder unless --run \
      names another; --resume CHECKPOINT with that checkpoint, in runs/NAME unless --run names another; \
      --resume auto with the newest of --run (or of runs/NAME), or begins where there is none. The recipe and \
      what was --set are in the checkpoint and need not be said again; what is said is held against it.
      Data are held against it too: images, labels or classes that changed are named.

      USR1, TERM and interrupt end the run after the step at hand with a checkpoint and exit code 75; \
      the same again, two seconds later or more, ends it at once, as does a save that takes longer \
      than `limits.stopSeconds`. A rank that hangs is named after `limits.hangSeconds`.

      That holds without mpirun and under `edgewise launch`. A bare mpirun of Open MPI ends the ranks \
      three seconds after an interrupt or a TERM, by itself: a step and a checkpoint that take longer \
      are lost. Send it USR1 instead, or use launch.
      """)

  @Argument(
    help: "The recipe: a YAML file. With --resume that of the checkpoint by default.",
    completion: .file(extensions: ["yaml"]))
  var recipe: String?

  @Option(name: .customLong("set"), help: "Another value for a key: key.path=value. Repeatable.")
  var overrides: [String] = []

  @Option(
    name: .customLong("run"),
    help: "The run's folder. Default: runs/NAME, NAME being the recipe's name.")
  var runFolder: String?

  @Option(
    help: ArgumentHelp(
      "Go on: a run's folder for its newest whole checkpoint, a checkpoint's folder, or auto for the newest whole one of --run, if any.",
      valueName: "path|auto"))
  var resume: String?

  @Flag(
    help:
      "Go on though images or labels are others than the checkpoint's: its epoch begins anew on these. Other data.* may then be set too."
  )
  var allowChangedData = false

  @Option(
    help: ArgumentHelp(
      "Begin with the weights of a checkpoint (or of a run's newest), as far as they fit by name; nothing else of it is taken.",
      valueName: "path"))
  var warmStart: String?

  @Flag(
    help:
      "Begin with a warm start that finds less than three quarters of the network, such as one of another size."
  )
  var partialWeights = false

  @Flag(
    help: "Read every checkpoint back before it counts; the same as checkpoint.verifyAfterWrite.")
  var verifyAfterWrite = false

  @Flag(help: "Leave out and list images and labels that cannot be used, instead of stopping.")
  var skipBad = false

  @Flag(help: "Go on where ranks differ in instruction set, library versions or program.")
  var allowMixed = false

  @Flag(help: "Print nothing but errors.")
  var quiet = false

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      try compareStart(communicator)
      let start = try start(communicator)
      let (recipe, folder) = (start.recipe, start.folder)
      try recipe.compareOverRanks(communicator)
      if recipe.export.formats.contains(.tflite) {
        try communicator.together(exitCode: Training.exitCode) {
          try recipe.checkTFLiteExport(recipe.quantization.target.kind)
        }
      }
      StopSignals.install()
      setComputeThreadCount(recipe.system.threads)
      if !allowMixed {
        try compare(
          [("compute threads", computeThreadDescription())], communicator: communicator)
      }
      // Before anything slow: more ranks than shards cannot work.
      _ = try communicator.together(exitCode: Training.exitCode) {
        try ShardAssignment(shardCount: recipe.batch.shards, worldSize: communicator.size)
      }
      let data = try recipe.loadData(runFolder: folder, communicator: communicator)
      let reporter = RunReporter(
        folder: folder, isPrinting: communicator.rank == 0 && !quiet,
        isWriting: communicator.rank == 0)
      reporter.note(
        "\(recipe.name): \(recipe.model.architecture.rawValue) at \(recipe.model.inputSize) pixels, "
          + "\(data.training.samples.count) images to train on, \(data.validation.samples.count) to validate, "
          + "\(communicator.size) rank\(communicator.size == 1 ? "" : "s")")
      for line in data.readingLines { reporter.note(line) }
      for item in (data.training.skipped + data.validation.skipped).prefix(20) {
        reporter.note("left out or mended: \(item.place): \(item.reason)")
      }
      let watchdog = try Watchdog(
        communicator: communicator, runFolder: folder, hangSeconds: recipe.limits.hangSeconds,
        stopSeconds: recipe.limits.stopSeconds
      ) { alarm in
        switch alarm {
        case .hang(let report):
          abandon(communicator, code: FailureReport.lostRankExitCode, lostRankMark + report)
        case .slowStop(let sentence):
          abandon(communicator, code: 75, sentence)
        }
      }
      defer { watchdog.stop() }
      if !watchdog.invisibleRanks.isEmpty, !watchdog.invisibleRanks.contains(0) {
        reporter.note(
          "\(folder) is not the same folder on ranks \(watchdog.invisibleRanks): put the run on a file "
            + "system that all hosts see, for they could not go on from its checkpoints")
      }
      let trainer = try Trainer(
        recipe: recipe, data: data, runFolder: folder, resume: start.resume,
        warmStart: try warmStart.map { try openCheckpoint($0, communicator: communicator).path },
        allowances: allowances, libraries: libraries(for: data), communicator: communicator,
        reporter: reporter)
      try communicator.together(exitCode: code(of:)) {
        try reporter.begin(lastEpoch: trainer.epochsDone, lastStep: trainer.stepsDone)
      }
      switch try trainer.run() {
      case .finished:
        reporter.note("finished; checkpoints in \(folder)/checkpoints")
        try export(recipe, folder, communicator, reporter)
      case .stopped:
        reporter.note(
          "stopped after step \(trainer.stepsDone) with a checkpoint; go on with --resume \(folder)"
        )
        throw ExitCode(75)
      }
    }
  }

  /// The finished model beside its checkpoints, written anew by every run that ends here.
  private func export(
    _ recipe: Recipe, _ folder: String, _ communicator: Communicator, _ reporter: RunReporter
  ) throws {
    guard !recipe.export.formats.isEmpty else { return }
    try communicator.together(exitCode: Training.exitCode) {
      guard communicator.rank == 0 else { return }
      // Without QAT epochs the calibrated model is the result.
      let source = recipe.schedule.qatEpochs > 0 ? folder : "\(folder)/calibrated"
      let reader = try openCheckpoint(source)
      let model = try DeployedModel(checkpoint: reader)
      let target = recipe.quantization.target.kind
      for format in recipe.export.formats {
        let path = "\(folder)/model.\(format.rawValue)"
        let bytes = try model.exported(
          format, .int8, target: target, data: reader.manifest.libraries[dataEntry])
        try writeWhole(bytes, to: path, isReplacing: true)
        reporter.note("exported \(path): int8 for \(target.rawValue)")
      }
      for finding in try model.findings(target: target) {
        reporter.note("\(target.rawValue): \(finding)")
      }
      if recipe.export.formats.contains(.onnx) {
        for note in model.exportNotes(target: target) {
          reporter.note("\(target.rawValue): \(note)")
        }
      }
    }
  }
}

/// What the numbers of a run come from; part of its checkpoints.
func libraries(for data: TrainingData) -> [String: String] {
  let compute = ComputeDescription.current
  return [
    "compute": "\(compute.library), \(compute.instructionSet)",
    dataEntry: data.trainingFacts.fingerprint,
    "training images": data.training.report.summary,
  ]
}
