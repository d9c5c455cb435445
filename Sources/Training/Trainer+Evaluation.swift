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
  func evaluateIfDue() throws(FailureReport) -> EvaluationSummary? {
    let done = state.epoch + 1
    let every = recipe.evaluation.everyEpochs
    guard (every > 0 && done % every == 0) || isPhaseEnd(epochsDone: done) else { return nil }
    let summary = try evaluate()
    state.metrics = metrics(of: summary)
    return summary
  }

  /// Scores the weights that would be deployed now: in float, or on the grids once there are ranges.
  func evaluate() throws(FailureReport) -> EvaluationSummary {
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

  /// A checkpoint's metrics; `best` is the best of the phase so far, known from the metrics before.
  func metrics(of summary: EvaluationSummary) -> [String: Double] {
    [
      "mAP50-95": summary.mAP50to95, "mAP50": summary.mAP50, "precision": summary.precision,
      "recall": summary.recall, "best": max(state.metrics["best"] ?? -1, summary.mAP50to95),
    ]
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
