import Exporting
import Foundation
import Graphs
import Parallel
import Quantization
import Training

/// What a model leaves as.
enum ExportForm: String, CaseIterable { case float, int8 }

extension DeployedModel {
  /// The model as an ONNX file, with where it comes from in its metadata.
  ///
  /// - Throws: `TrainingError` for int8 without ranges, `FailureReport` where the graph cannot be
  ///   expressed.
  func onnx(_ form: ExportForm, hasDynamicBatch: Bool = false) throws -> [UInt8] {
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
    let data = recipe.data
    var metadata = [
      "recipe": recipe.name, "step": "\(step)", "model": recipe.model.architecture.rawValue,
      "dataset": data.format == .synthetic
        ? data.synthetic.scene.rawValue : datasetName(data.root, data.format.rawValue),
    ]
    if form == .int8 { metadata["target"] = recipe.quantization.target.rawValue }
    do {
      return try exportONNX(
        graph: graph, weights: weights, grids: grids, metadata: metadata,
        options: ONNXOptions(hasDynamicBatch: hasDynamicBatch))
    } catch {
      throw FailureReport(message: "\(path): \(error)", exitCode: 65, rank: 0)
    }
  }

  /// The data folder's own name; a path says too much about the machine.
  private func datasetName(_ root: String, _ format: String) -> String {
    let name = URL(fileURLWithPath: root).standardizedFileURL.lastPathComponent
    return root.isEmpty || name.isEmpty || name == "/" ? format : name
  }
}
