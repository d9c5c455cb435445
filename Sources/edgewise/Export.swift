import ArgumentParser
import Checkpoints
import Foundation
import Parallel
import Training

extension ExportForm: ExpressibleByArgument {}

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a checkpoint's model for a runtime: ONNX, in float or quantized.",
    discussion: """
      Examples:
        edgewise export runs/demo --format onnx --output model.onnx
        edgewise export runs/demo/checkpoints/step-00001200 --output float.onnx --as float --force
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case onnx }

  @Argument(
    help: "A checkpoint's folder, or a run's folder for its newest whole checkpoint.",
    completion: .directory)
  var checkpoint: String

  @Option(help: "onnx: opset 17, quantized models with quantize-dequantize pairs.")
  var format = Format.onnx

  @Option(help: "The file to write.")
  var output: String

  @Option(
    name: .customLong("as"),
    help: "float or int8. Default: int8 where the checkpoint has ranges, else float.")
  var form: ExportForm?

  @Flag(help: "Leave the number of pictures per run open instead of 1.")
  var dynamicBatch = false

  @Flag(help: "Replace the file if it is there.")
  var force = false

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    try endingAlone {
      if !force, FileManager.default.fileExists(atPath: output) {
        throw FailureReport(
          message: "\(output) is there already and was left as it is; add --force to replace it",
          exitCode: 64, rank: 0)
      }
      let model = try DeployedModel(checkpoint: openCheckpoint(checkpoint))
      let form = form ?? (model.quantized == nil ? .float : .int8)
      let bytes = try model.onnx(form, hasDynamicBatch: dynamicBatch)
      try writeWhole(bytes, to: output, isReplacing: force)
      guard json else {
        print(
          "\(output): \(form.rawValue), \(bytes.count) bytes, from \(model.path), step \(model.step)"
        )
        return
      }
      printJSON([
        "output": .string(output), "format": .string(format.rawValue),
        "as": .string(form.rawValue), "bytes": .integer(bytes.count),
        "checkpoint": .string(model.path), "step": .integer(model.step),
        "classes": .array(model.classNames.map { .string($0) }),
        "input_size": .integer(model.recipe.model.inputSize),
        "target": .string(model.recipe.quantization.target.rawValue),
      ])
    }
  }
}
