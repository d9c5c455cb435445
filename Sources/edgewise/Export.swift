public import ArgumentParser
import Checkpoints
import Foundation
import Parallel
import Quantization
import Training

extension ExportForm: ExpressibleByArgument {}
extension ExportFormat: ExpressibleByArgument {}
extension PlacementTarget: ExpressibleByArgument {}

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a checkpoint's model for a runtime: ONNX, TFLite or safetensors.",
    discussion: """
      Examples:
        edgewise export runs/demo --format onnx --output model.onnx
        edgewise export runs/demo --format onnx --target onnxruntime --output model.onnx
        edgewise export runs/lot-relu6 --format tflite --output model.tflite
        edgewise export runs/demo/checkpoints/step-00001200 --output float.onnx --as float --force

      What the target computes other than training simulated it is named on standard error, and what it \
      refuses is not written; `edgewise check-target` lists it without writing anything.
      """)

  @Argument(
    help:
      "A checkpoint's folder, a run's folder for its newest whole checkpoint, or RUN@best for its best scored one (quantized, where there is one).",
    completion: .directory)
  var checkpoint: String

  @Option(
    help:
      "onnx: opset 17, quantized models with quantize-dequantize pairs; tflite: int8 throughout; safetensors: weights and scales."
  )
  var format = ExportFormat.onnx

  @Option(
    help:
      "What the file is for: tensorrt, tflite, edgetpu, onnxruntime or portable. Default: tflite for that format, else the recipe's."
  )
  var target: PlacementTarget?

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

  func validate() throws {
    if dynamicBatch, format != .onnx {
      throw ValidationError("--dynamic-batch goes with --format onnx")
    }
    if let target, format == .tflite, ![.tflite, .edgetpu, .portable].contains(target) {
      throw ValidationError("--format tflite goes with --target tflite, edgetpu or portable")
    }
  }

  func run() throws {
    try endingAlone {
      if !force, FileManager.default.fileExists(atPath: output) {
        throw FailureReport(
          message: "\(output) is there already and was left as it is; add --force to replace it",
          exitCode: 64, rank: 0)
      }
      let reader = try openCheckpoint(checkpoint)
      let model = try DeployedModel(checkpoint: reader)
      let form = form ?? (model.quantized == nil && format != .tflite ? .float : .int8)
      let trainedFor = model.recipe.quantization.target.kind
      let target = target ?? (format == .tflite && trainedFor != .edgetpu ? .tflite : trainedFor)
      // What the target refuses is not written for it.
      if form == .int8, model.quantized != nil { try model.requireTarget(target) }
      let bytes = try model.exported(
        format, form, target: target, data: reader.manifest.libraries[dataEntry],
        hasDynamicBatch: dynamicBatch)
      try writeWhole(bytes, to: output, isReplacing: force)
      let findings = form == .int8 ? try model.findings(target: target) : []
      let notes = format == .onnx && form == .int8 ? model.exportNotes(target: target) : []
      for finding in findings { complain("\(target.rawValue): \(finding)") }
      for note in notes { complain("\(target.rawValue): \(note)") }
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
        "target": .string(target.rawValue), "findings": .array(findings.map(\.json)),
        "notes": .array(notes.map { .string($0) }),
      ])
    }
  }
}
