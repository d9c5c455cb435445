import Checkpoints
import Datasets
public import Detection
import Engine
import Graphs
import MessagePassing
import Models
import Parallel
import Quantization
import Tensors

extension Trainer {
  /// Evaluates where the recipe asks for it in this epoch, and at the end of a phase.
  ///
  /// - Returns: the scores, and whether they are the best of the phase so far; `nil` where nothing was
  ///   scored.
  func evaluateIfDue() throws(FailureReport) -> (summary: EvaluationSummary, isBest: Bool)? {
    let done = state.epoch + 1
    let every = recipe.evaluation.everyEpochs
    guard (every > 0 && done % every == 0) || isPhaseEnd(epochsDone: done),
      let summary = try evaluate()
    else { return nil }
    state.setScores(summary)
    return (summary, state.scores.record(state.score(summary), phase: state.phase))
  }

  /// Scores the float weights that a run starts from, which no epoch of it has scored, so that they stand
  /// beside what becomes of them; their checkpoint gets the scores.
  func scoreStart() throws(FailureReport) {
    guard state.scores.float?.last.step != state.step, let summary = try evaluate() else { return }
    state.setScores(summary)
    _ = state.scores.record(state.score(summary), phase: .float)
    reporter.note(
      "float: mAP50 \(rounded(summary.mAP50)), mAP50-95 \(rounded(summary.mAP50to95))")
    try save()
  }

  /// Scores the weights that would be deployed now: in float, or on the grids once there are ranges.
  ///
  /// - Returns: `nil` where the validation images hold no box to be found.
  func evaluate() throws(FailureReport) -> EvaluationSummary? {
    guard validation.samples.contains(where: { !$0.boxes.isEmpty }) else {
      if !hasNotedEmptyValidation {
        reporter.note(
          "the validation images hold no boxes: nothing can be scored, and all scores stay empty")
      }
      hasNotedEmptyValidation = true
      return nil
    }
    Activity.evaluating.begin(step: state.step)
    let plan = try communicator.together(exitCode: exitCode) {
      let weights = state.deployedWeights(recipe)
      let model = DeployedModel(
        recipe: recipe, floatGraph: floatGraph,
        quantized: state.phase == .qat
          ? (
            quantizedGraph,
            try grids(of: quantizedGraph, ranges: state.ranges, weights: weights)
          ) : nil,
        weights: weights, step: state.step, path: runFolder)
      return try model.plan(state.phase == .qat ? .int8 : .float, batchSize: 4)
    }
    let found = try detect(
      plan, validation, filter: recipe.evaluation.filter, communicator: communicator,
      loaderThreads: recipe.system.loaderThreads)
    return EvaluationSummary(
      Training.metrics(of: found, samples: validation.samples, classNames: classNames))
  }
}

extension EvaluationSummary {
  public init(_ metrics: DetectionMetrics) {
    self.init(
      mAP50to95: metrics.AP, mAP50: metrics.AP50, precision: metrics.bestF1.precision,
      recall: metrics.bestF1.recall)
  }
}

extension Recipe.Evaluation {
  /// Which boxes are scored.
  public var filter: DetectionFilter {
    DetectionFilter(
      scoreThreshold: Float(scoreThreshold), overlapThreshold: Float(iouThreshold),
      isMultiLabel: true)
  }
}
