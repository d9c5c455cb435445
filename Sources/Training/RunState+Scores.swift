import Checkpoints

/// The numbers of an evaluation, and the state that they belong to.
struct OwnScores: Hashable, Sendable {
  var phase: Phase
  var step: Int
  var metrics: [String: Double]
}

extension RunState {
  /// The metrics of the weights as they are now; none where these were not scored.
  var metrics: [String: Double] {
    guard let scored, scored.phase == phase, scored.step == step else { return [:] }
    return scored.metrics
  }

  /// Remembers that the weights as they are now have these scores.
  func setScores(_ summary: EvaluationSummary) {
    scored = OwnScores(
      phase: phase, step: step,
      metrics: [
        "mAP50-95": summary.mAP50to95, "mAP50": summary.mAP50, "precision": summary.precision,
        "recall": summary.recall,
      ])
  }

  /// The summary as an entry of the run's scores.
  func score(_ summary: EvaluationSummary) -> RunScores.Score {
    RunScores.Score(step: step, mAP50to95: summary.mAP50to95, mAP50: summary.mAP50)
  }

  /// Takes over the scores of a checkpoint. One without `state.scores` is of a program that also
  /// wrote scores of earlier weights, so that its metrics say nothing about its own.
  func restoreScores(_ contents: CheckpointContents, path: String) throws(TrainingError) {
    scores = RunScores()
    scored = nil
    guard let json = contents.state["scores"] else { return }
    guard let known = RunScores(json: json) else {
      throw .unusableCheckpoint(
        path: path,
        reason:
          "its scores (`state.scores`) are not those of a run: steps from 0 on, each mAP 0 to 1"
      )
    }
    scores = known
    guard !contents.metrics.isEmpty else { return }
    scored = OwnScores(phase: phase, step: contents.step, metrics: contents.metrics)
  }

  /// Means of the losses over the steps of this epoch that counted; `nil` where all were skipped.
  var meanLosses: SIMD4<Double>? {
    lossSteps > 0 ? lossSums / Double(lossSteps) : nil
  }
}
