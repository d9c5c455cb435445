public import ArgumentParser
import Checkpoints
import Engine
import MessagePassing
import Parallel
import Quantization
import Training

struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Quantizes a float checkpoint without training: ranges from some images.",
    discussion: """
      Examples:
        edgewise calibrate runs/demo/checkpoints/step-00000400 --output runs/ptq --images 256
        edgewise calibrate runs/demo --output runs/for-tflite --target tflite
        edgewise export runs/for-tflite --format tflite --output model.tflite
        edgewise calibrate runs/demo --output runs/ptq-4 --method percentile --percentile 0.999 \
          --weight-bits 4
        mpirun -n 2 edgewise calibrate runs/demo --output runs/ptq-best --adaround --bias-correction
        edgewise evaluate runs/ptq --set data.root=runs/demo/data

      The new checkpoint lies in calibrated/ of the output folder, which other commands take as it is. A run \
      of `train` does this by itself between its phases, and leaves RUN/calibrated. Of a run that is past \
      its float phase the float weights are taken that it was calibrated with.
      """)

  @Argument(
    help: "A run's folder, finished or not, or a checkpoint of one.",
    completion: .directory)
  var checkpoint: String

  @Option(help: "The folder for the new checkpoint.", completion: .directory)
  var output: String

  @Option(
    help:
      "What the int8 model must run on: tensorrt, tflite, edgetpu, onnxruntime or portable. Default: what the recipe says."
  )
  var target: PlacementTarget?

  @Option(help: "Bits of weights, 2 to 8. Default: what the recipe says.")
  var weightBits: Int?

  @Option(help: "Bits of activations, 2 to 8. Default: what the recipe says.")
  var activationBits: Int?

  @Option(help: "How many training images to look at. Default: what the recipe says.")
  var images: Int?

  @Option(
    help:
      "How ranges are chosen: movingAverage, minMax, percentile, entropy or squaredError. Default: what the recipe says."
  )
  var method: Recipe.Quantization.Calibration.Method?

  @Option(help: "Share of the values inside a range, for --method percentile.")
  var percentile: Double?

  @Flag(
    inversion: .prefixedNo,
    help: "Scale channels against each other first, so that one grid fits them all; ReLU only.")
  var equalize: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: "End the grids of weights where rounding and clipping cost the least squared error.")
  var clipWeights: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: "Choose layer by layer which weights are rounded up and which down (AdaRound).")
  var adaround: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: "Give batch norms the statistics of the quantized network.")
  var reestimateBatchNorm: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: "Move each layer's mean back to that of the float network.")
  var biasCorrection: Bool?

  @Option(
    name: .customLong("set"),
    help:
      "Another value for a key of data, evaluation, quantization or system: key.path=value. Repeatable."
  )
  var overrides: [String] = []

  @Flag(help: "Print one JSON document.")
  var json = false

  func validate() throws {
    if let images, images < 1 { throw ValidationError("--images must be at least 1") }
    if percentile != nil, let method, method != .percentile {
      throw ValidationError("--percentile goes with --method percentile alone")
    }
  }

  /// The options as values of the recipe's keys; those of `--set` count first.
  private var choices: [String] {
    var choices = overrides
    if let target { choices.append("quantization.target=\(target.rawValue)") }
    if let weightBits { choices.append("quantization.weightBits=\(weightBits)") }
    if let activationBits { choices.append("quantization.activationBits=\(activationBits)") }
    func choose(_ key: String, _ value: String) {
      choices.append("quantization.calibration.\(key)=\(value)")
    }
    if let method = method ?? (percentile == nil ? nil : .percentile) {
      choose("method", method.rawValue)
    }
    if let percentile { choose("percentile", "\(percentile)") }
    if let clipWeights { choose("weightRange", clipWeights ? "squaredError" : "max") }
    for (key, isOn) in [
      ("equalize", equalize), ("adaround", adaround),
      ("reestimateBatchNorm", reestimateBatchNorm), ("biasCorrection", biasCorrection),
    ] {
      if let isOn { choose(key, "\(isOn)") }
    }
    return choices
  }

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      var note: String?
      let source = try communicator.decidedOnRank0(exitCode: Training.exitCode) {
        let source = try FloatSource(named: checkpoint)
        note = source.note
        return source.reader.path
      }
      let reader = try communicator.together(exitCode: Training.exitCode) {
        try CheckpointReader(path: source)
      }
      let recipe = try communicator.together(exitCode: Training.exitCode) {
        var model = try DeployedModel(checkpoint: reader)
        try model.apply(
          overrides: choices, sections: ["data.", "evaluation.", "quantization.", "system."])
        return model.recipe
      }
      setComputeThreadCount(recipe.system.threads)
      let data = try recipe.loadData(
        runFolder: runFolder(ofCheckpoint: reader.path), communicator: communicator)
      let reporter = RunReporter(
        folder: output, isPrinting: communicator.rank == 0 && !json, isWriting: false)
      if let note { reporter.note(note) }
      let trainer = try Trainer(
        recipe: recipe, data: data, runFolder: output, resume: .floatWeights(reader.path),
        allowances: [.changedData, .otherThreads], libraries: libraries(for: data),
        communicator: communicator, reporter: reporter)
      let made = try trainer.calibrateAlone(images: images)
      guard communicator.rank == 0 else { return }
      if json {
        var values: [String: JSONValue] = made.scores.mapValues { .number($0) }
        values["checkpoint"] = .string(made.path)
        values["as"] = "int8"
        values["source"] = .string(reader.path)
        values["target"] = .string(recipe.quantization.target.rawValue)
        values["method"] = .string(recipe.quantization.calibration.method.rawValue)
        values["notes"] = .array(reporter.notes.map { .string($0) })
        printJSON(.object(values))
      } else {
        print("\(made.path)")
      }
    }
  }
}

extension Recipe.Quantization.Calibration.Method: ExpressibleByArgument {}
