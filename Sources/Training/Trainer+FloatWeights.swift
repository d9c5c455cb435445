public import Checkpoints
import Graphs
import Quantization

/// The phase that a checkpoint was written in; `nil` where it is not of a run of this program.
public func phase(of manifest: Manifest) -> Phase? {
  manifest.state["phase"]?.string.flatMap(Phase.init(rawValue:))
}

extension Recipe {
  /// Whether calibration by this recipe leaves weights that compute in float what they did before.
  ///
  /// Equalizing does; clipping, rounding layer by layer, corrected biases and statistics do not.
  public var calibrationKeepsFloatWeights: Bool {
    let calibration = quantization.calibration
    return calibration.weightRange == .max && !calibration.adaround && !calibration.biasCorrection
      && !calibration.reestimateBatchNorm
  }
}

extension Trainer {
  /// What a checkpoint would hold at the end of a float phase with its weights: neither ranges nor learned
  /// scales. One of the float phase is taken as it is.
  ///
  /// - Throws: `TrainingError` where it is of another network.
  func floatPart(of contents: CheckpointContents, path: String) throws -> CheckpointContents {
    guard contents.state["phase"]?.string == Phase.qat.rawValue else { return contents }
    let saved: Recipe
    do { saved = try Recipe(json: contents.recipe.lineText) } catch {
      throw TrainingError.unusableCheckpoint(
        path: path, reason: "its recipe cannot be read (\(error))")
    }
    // The sites are those of its own recipe, not of the one to calibrate for.
    let own = try JSONValue(encoding: try saved.quantizedGraph(floatGraph))
    try check(differences(in: own, contents.graph), path: path)
    var result = contents
    result.graph = try state.snapshots.json(of: floatGraph)
    result.metrics = [:]
    guard var counters = contents.state.object else {
      throw TrainingError.unusableCheckpoint(
        path: path, reason: "its counters (`state`) are not complete")
    }
    counters["phase"] = .string(Phase.float.rawValue)
    result.state = .object(counters)
    return result
  }
}
