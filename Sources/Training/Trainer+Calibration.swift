import Checkpoints
import Datasets
import Detection
import Engine
import Graphs
import MessagePassing
import Models
public import Parallel
import Quantization
import Tensors

extension Trainer {
  /// From float to quantization: the averaged weights, ranges of every site, a checkpoint of its own.
  ///
  /// Training pictures without augmentation, in the order of the data set, in global batches. The
  /// result, in `calibrated/` of the run, is the post-training quantized model; QAT goes on from it
  /// with an empty optimizer.
  ///
  /// - Parameters:
  ///   - images: how many images; `nil` as many as the recipe says.
  ///   - isAlone: leaves out what only a run needs: the score of the float weights.
  func calibrate(images: Int? = nil, isAlone: Bool = false) throws(FailureReport) {
    if !isAlone { try scoreStart() }
    state.adoptAverages(recipe)
    if recipe.distillation.isOn {
      state.teacher = try communicator.together(exitCode: exitCode) { try teacherWeights() }
    }
    shardStep = nil
    let pictures = try communicator.together(exitCode: exitCode) {
      try checkWeights()
      return try CalibrationPictures(
        training, count: images ?? recipe.schedule.calibrationImages, recipe)
    }
    let reference = try shapedWeights()
    state.startWeightScales(quantizedGraph)
    reporter.note("calibrating \(siteCount) sites on \(pictures.count) pictures")
    let step = try communicator.together(exitCode: exitCode) {
      try ShardStep(recipe: recipe, graph: quantizedGraph, store: state.store, observes: true)
    }
    step.plan.batchNormMode = .running
    step.plan.quantizationMode = .observe
    // The weights are on their grids already here, as they will be when the ranges are used.
    step.plan.prepareWeights()
    state.ranges = try observedRanges(step, pictures)
    try everywhere { try state.startLearnedRanges(quantizedGraph) }
    try correctLayers(pictures, reference: reference)
    state.phase = .qat
    state.optimizer.reset()
    if recipe.oscillation.isOn {
      state.oscillation = OscillationState(quantizedGraph, layout: state.store.layout)
      state.oscillation!.start(state.store.trainable)
    }
    state.startAverages(recipe.ema)
    let ptq = try evaluate()
    state.scores.recordCalibrated(ptq.map(state.score))
    if let ptq {
      state.setScores(ptq)
      reporter.note(
        "calibrated: as int8 without training mAP50 \(rounded(ptq.mAP50)), mAP50-95 \(rounded(ptq.mAP50to95))"
      )
    }
    try saveCalibrated()
  }

  /// Prepares the weights for their grids: equalized, clipped.
  ///
  /// - Returns: weights of the same function as before, in float.
  private func shapedWeights() throws(FailureReport) -> NamedWeights {
    let calibration = recipe.quantization.calibration
    var weights = state.store.weights()
    if calibration.equalize {
      let equalized = try everywhere { try floatGraph.equalizing(weights) }
      weights = equalized.weights
      reporter.note("equalized \(equalized.channelCount) channels")
    }
    var clipped = weights
    if calibration.weightRange == .squaredError {
      for node in quantizedGraph.nodes {
        guard let bits = node.weightBits else { continue }
        let name = quantizedGraph.parameters[node.parameters[0]].name
        clipped[name] = WeightGrid.clippedForLeastError(weights[name]!, bits: bits)
      }
    }
    state.store.load(clipped)
    return weights
  }

  /// Gives the float checkpoint that the trainer resumed its ranges, and does nothing else.
  ///
  /// *Collective.*
  /// - Returns: the path of the new checkpoint and its scores as int8.
  public func calibrateAlone(images: Int?) throws(FailureReport) -> (
    path: String, scores: [String: Double]
  ) {
    precondition(state.phase == .float, "resume with .floatWeights")
    let store = CheckpointStore(runFolder: "\(runFolder)/calibrated")
    try communicator.together(exitCode: exitCode) { () throws in
      guard communicator.rank == 0,
        let other = try store.list().first(where: { $0.step != state.step })
      else { return }
      throw FailureReport(
        message:
          "\(runFolder) holds another calibrated checkpoint already (\(other.path)), and it was left as it is; give another folder with --output",
        exitCode: 64, rank: 0)
    }
    try calibrate(images: images, isAlone: true)
    return (store.path(step: state.step), state.metrics)
  }

  /// The float weights with their ranges, out of retention's way.
  private func saveCalibrated() throws(FailureReport) {
    Activity.saving.begin(step: state.step)
    try communicator.together(exitCode: exitCode) {
      guard communicator.rank == 0 else { return }
      _ = try CheckpointWriter(
        runFolder: "\(runFolder)/calibrated", level: recipe.checkpoint.compressionLevel,
        retention: RetentionPolicy(keepLast: 1)
      ).write(
        try state.contents(
          recipe: recipe, graph: quantizedGraph, worldSize: communicator.size, libraries: libraries)
      )
    }
  }
}

/// Four decimals, for a line of text.
func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }
