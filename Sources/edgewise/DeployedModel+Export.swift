import Checkpoints
import Exporting
import Foundation
import Graphs
import Parallel
import Quantization
import Training

/// What a model leaves as.
enum ExportForm: String, CaseIterable { case float, int8 }

/// The files that this program can write.
typealias ExportFormat = Recipe.Export.Format

extension DeployedModel {
  /// The model in a format, with where it comes from in its metadata.
  ///
  /// - Parameters:
  ///   - target: decides how an ONNX file is written.
  ///   - data: the fingerprint of the training pictures, where it is known.
  /// - Throws: `TrainingError` for int8 without ranges, `FailureReport` where the graph cannot be
  ///   expressed.
  func exported(
    _ format: ExportFormat, _ form: ExportForm, target: PlacementTarget, data: String?,
    hasDynamicBatch: Bool = false
  ) throws -> [UInt8] {
    let graph: Graph
    let grids: [Grid]
    switch (form, quantized) {
    case (.float, _):
      (graph, grids) = (floatGraph, [])
    case (.int8, let quantized?):
      (graph, grids) = quantized
    case (.int8, nil):
      throw TrainingError.unusableCheckpoint(
        path: path,
        reason:
          "it is from the float phase and has no ranges; export it --as float, or take one from after calibration"
      )
    }
    let metadata = provenance(form, target: target, data: data)
    do {
      switch format {
      case .onnx:
        return try exportONNX(
          graph: graph, weights: weights, grids: grids, metadata: metadata,
          options: ONNXOptions(
            hasDynamicBatch: hasDynamicBatch,
            flavor: target == .onnxruntime ? .onnxruntime : .tensorrt))
      case .tflite:
        guard form == .int8 else {
          throw FailureReport(
            message:
              "tflite files are written as int8 only; leave out --as float, or use --format onnx",
            exitCode: 64, rank: 0)
        }
        return try exportTFLite(graph: graph, weights: weights, grids: grids, metadata: metadata)
      case .safetensors:
        return try exportSafetensors(
          graph: graph, weights: weights, grids: grids, metadata: metadata)
      }
    } catch let error as ExportError {
      throw FailureReport(message: "\(path): \(error)", exitCode: 65, rank: 0)
    }
  }

  /// The int8 model in the form that the target runs, with every site as an output too.
  func exportedWithSites(target: PlacementTarget) throws -> [UInt8] {
    guard let quantized else { preconditionFailure("a model without sites") }
    do {
      if target.hasTFLiteFile {
        return try exportTFLite(
          graph: quantized.graph, weights: weights, grids: quantized.grids, hasSites: true)
      }
      return try exportONNX(
        graph: quantized.graph, weights: weights, grids: quantized.grids,
        options: ONNXOptions(
          hasRawHeads: true, hasSites: true,
          flavor: target == .onnxruntime ? .onnxruntime : .tensorrt))
    } catch {
      throw FailureReport(message: "\(path): \(error)", exitCode: 65, rank: 0)
    }
  }

  /// Recipe, step and data that the weights come from.
  private func provenance(_ form: ExportForm, target: PlacementTarget, data: String?)
    -> [String: String]
  {
    let source = recipe.data
    var metadata = [
      "recipe": recipe.name, "step": "\(step)", "model": recipe.model.architecture.rawValue,
      "dataset": source.format == .synthetic
        ? source.synthetic.scene.rawValue : datasetName(source.root, source.format.rawValue),
      "score_threshold": "\(recipe.evaluation.scoreThreshold)",
      "iou_threshold": "\(recipe.evaluation.iouThreshold)",
    ]
    if let data { metadata["data_fingerprint"] = data }
    if form == .int8 {
      metadata["target"] = target.rawValue
      metadata["trained_for"] = recipe.quantization.target.rawValue
      metadata["qat_epochs"] = "\(recipe.schedule.qatEpochs)"
    }
    return metadata
  }

  /// The data folder's own name; a path says too much about the machine.
  private func datasetName(_ root: String, _ format: String) -> String {
    let name = URL(fileURLWithPath: root).standardizedFileURL.lastPathComponent
    return root.isEmpty || name.isEmpty || name == "/" ? format : name
  }

  /// What a target would not compute as training simulated it: of the checkpoint's own graph, or
  /// before calibration of the float graph with the target's sites.
  ///
  /// - Throws: `TrainingError` where the recipe's bits do not fit the network.
  func findings(target: PlacementTarget) throws(TrainingError) -> [TargetFinding] {
    let graph =
      if let quantized { quantized.graph } else {
        try recipe.placingSites(floatGraph, target.rules)
      }
    return checkTarget(
      graph, target: target, weights: weights, grids: quantized?.grids)
  }
}

extension DeployedModel {
  /// What users of the int8 ONNX file should know about other runtimes.
  func exportNotes(target: PlacementTarget) -> [String] {
    quantized.map { Exporting.exportNotes($0.graph, target: target) } ?? []
  }
}

/// The entry of a checkpoint's libraries that says which pictures a run trained on.
let dataEntry = "training data"

extension Recipe {
  /// Finds out before training what would end the export after it.
  func checkTFLiteExport(_ target: PlacementTarget) throws(TrainingError) {
    guard target.rules.quantizesOutputs, !(target.rules.fusesSiLU && model.activation == .silu)
    else {
      throw .unsupported(
        "`export.formats` names tflite, which needs `quantization.target` tflite or edgetpu, or portable with `model.activation` relu6; it is \(quantization.target.rawValue) with \(model.activation.rawValue)"
      )
    }
    guard quantization.activationBits == 8 else {
      throw .unsupported(
        "`export.formats` names tflite, which needs `quantization.activationBits` 8")
    }
  }
}
