import Reporting
import Training

/// What a finished run says last: float, calibrated and trained scores side by side, and what to try where
/// training did not help.
struct ScoreSummary {
  let scores: RunScores
  let runFolder: String

  init(_ scores: RunScores, runFolder: String) {
    self.scores = scores
    self.runFolder = runFolder
  }

  /// Nothing where nothing was scored.
  var lines: [String] {
    guard !scores.isEmpty else { return [] }
    return table.description.split(separator: "\n").map(String.init) + advice
  }

  private var table: TextTable {
    var table = TextTable([
      .left("scores"), .right("step"), .right("mAP50-95"), .right("mAP50"),
    ])
    for (name, score) in scores.rows {
      table.append([
        Self.titles[name] ?? name, "\(score.step)", fixed(score.mAP50to95, 4),
        fixed(score.mAP50, 4),
      ])
    }
    return table
  }

  private static let titles = [
    "float last": "float, last", "float best": "float, best",
    "calibrated": "int8 without training (PTQ)", "qat last": "int8 after training (QAT), last",
    "qat best": "int8 after training (QAT), best",
  ]

  private var advice: [String] {
    guard scores.isTrainedBelowCalibrated, let calibrated = scores.calibrated,
      let trained = scores.qat?.best
    else { return [] }
    return [
      "QAT ended below calibration alone (mAP50-95 \(fixed(trained.mAP50to95, 4)) against \(fixed(calibrated.mAP50to95, 4))): "
        + "the calibrated model is in \(runFolder)/calibrated; try a lower schedule.qatLearningRate, an earlier schedule.freezeBatchNormAfter, "
        + "a teacher (distillation.classification and distillation.distribution), or more schedule.qatEpochs"
    ]
  }
}

extension MetricsFile {
  /// The line of kind `scores` that ends a run: `float_last_step`, `float_last_mAP50-95`, and so on.
  func append(_ scores: RunScores, step: Int) throws(ReportError) {
    var members: [(name: String, value: MetricValue)] = []
    for (name, score) in scores.rows {
      let key = name.split(separator: " ").joined(separator: "_")
      members += [
        ("\(key)_step", .integer(score.step)), ("\(key)_mAP50-95", .number(score.mAP50to95)),
        ("\(key)_mAP50", .number(score.mAP50)),
      ]
    }
    try append(step: step, kind: "scores", members)
  }
}
