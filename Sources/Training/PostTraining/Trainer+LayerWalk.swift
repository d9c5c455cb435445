import Datasets
import Engine
import Graphs
import MessagePassing
import Parallel
import Quantization
import Tensors

extension Trainer {
  /// Corrects the calibrated network as the recipe says: `correctLayers` on the first calibration
  /// pictures, all at once.
  ///
  /// - Parameter reference: the float weights.
  ///
  /// *Collective.*
  func correctLayers(_ pictures: CalibrationPictures, reference: NamedWeights)
    throws(FailureReport)
  {
    let calibration = recipe.quantization.calibration
    guard calibration.correctsLayers else { return }
    let count = min(pictures.count, calibration.layerImages)
    Activity.calibrating.begin(step: state.step)
    let (quantized, float) = try communicator.together(exitCode: exitCode) {
      let grids = try grids(of: quantizedGraph, ranges: state.ranges)
      let batch = try training.batch(BatchRequest(sampleIndices: Array(0..<count)), seed: 0)
      let quantized = try InferencePlan(
        graph: quantizedGraph, weights: state.store.weights(), batchSize: count, grids: grids)
      let float = try InferencePlan(graph: floatGraph, weights: reference, batchSize: count)
      batch.images.withElements(as: UInt8.self) {
        quantized.setInput($0.baseAddress!)
        float.setInput($0.baseAddress!)
      }
      return (quantized, float)
    }
    let ratios = try Training.correctLayers(
      of: quantized, toward: float, calibration, communicator: communicator)
    state.store.load(quantized.store.weights())
    if !ratios.isEmpty {
      let mean = ratios.reduce(0, +) / Double(ratios.count)
      reporter.note(
        "adaptive rounding: the outputs' squared error is \(rounded(mean)) of that of rounding to the nearest, mean of \(ratios.count) layers"
      )
    }
  }
}

extension Recipe.Quantization.Calibration {
  /// Whether any method goes from layer to layer.
  var correctsLayers: Bool { biasCorrection || reestimateBatchNorm || adaround }
}
