public import ArgumentParser
import Checkpoints
import Datasets
import Detection
import Engine
import Foundation
import Parallel
import Quantization
import Reporting
import Tensors
import Training

extension IntegerArithmetic: ExpressibleByArgument {}

struct ParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parity",
    abstract:
      "Compares training's simulation, the integer engine and the exported model, integer by integer.",
    discussion: """
      Examples:
        edgewise parity runs/demo --target tensorrt
        edgewise parity runs/lot --target tflite --images 16 --json
        scripts/parity runs/lot --target onnxruntime

      Over the same validation pictures, at every site, differences in steps of its grid: end to end, and operator \
      by operator from the same inputs, where a rounding that flips moves nothing behind it. \
      scripts/parity exports the model, runs it in onnxruntime or LiteRT and compares that too; \
      it does so with --prepare and --runtime-outputs.
      """)

  @OptionGroup var deployed: DeployedArguments

  @Option(
    help:
      "How sums become integers: fixed-point (TFLite's own kernels), float-factor (onnxruntime, XNNPACK) or float-epilogue (TensorRT, training). Default: the target's."
  )
  var arithmetic: IntegerArithmetic?

  @Option(help: "How many validation pictures to compute. Default: all.")
  var images: Int?

  @Option(
    name: .customLong("set"),
    help: "Another value for a key of data, evaluation or system: key.path=value. Repeatable.")
  var overrides: [String] = []

  @Option(
    help:
      "Write the pictures and the model, its sites as further outputs, into this folder and compute nothing.",
    completion: .directory)
  var prepare: String?

  @Option(
    help:
      "The file that scripts/check_onnx.py or check_tflite.py `sites` made of the prepared model.",
    completion: .file())
  var runtimeOutputs: String?

  @Flag(help: "One line per site, besides the totals.")
  var sites = false

  @Flag(help: "Print one JSON document.")
  var json = false

  func validate() throws {
    if let images, images < 1 { throw ValidationError("--images must be at least 1") }
    if prepare != nil, runtimeOutputs != nil {
      throw ValidationError("--prepare and --runtime-outputs are two steps; give one of them")
    }
  }

  func run() throws {
    try endingAlone {
      let reader = try openCheckpoint(deployed.checkpoint)
      var model = try DeployedModel(checkpoint: reader)
      try model.apply(overrides: overrides)
      let target = deployed.target ?? model.recipe.quantization.target.kind
      try model.requireTarget(target)
      setComputeThreadCount(model.recipe.system.threads)
      let data = try model.validation(reader)
      let samples = Array(data.samples.prefix(images ?? data.samples.count))
      let pictures = PictureCache(
        samples: samples, size: model.recipe.model.inputSize, byteBudget: 0)
      if let prepare {
        try writeWhole(
          try model.exportedWithSites(target: target),
          to: "\(prepare)/model.\(target.hasTFLiteFile ? "tflite" : "onnx")", isReplacing: true)
        try writeNetworkInputs(pictures, to: "\(prepare)/inputs")
        if json { printJSON(["folder": .string(prepare), "images": .integer(samples.count)]) }
        return
      }
      let report = try ParityReport(
        model, target: target, arithmetic: arithmetic ?? target.arithmetic, pictures: pictures,
        classNames: data.classNames, runtimeOutputs: runtimeOutputs)
      if json { printJSON(report.json) } else { print(report.text(showsSites: sites)) }
    }
  }
}
