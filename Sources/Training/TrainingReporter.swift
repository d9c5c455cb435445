public import Parallel

/// What a run tells while it goes; the program turns it into lines, files and pictures.
public protocol TrainingReporter: AnyObject {
  /// Called on every rank; only rank 0 should print.
  func note(_ text: String)
  func stepFinished(_ report: StepReport)
  func epochFinished(_ report: EpochReport)
  /// The run is over; its scores side by side.
  func runFinished(_ scores: RunScores)
}

extension TrainingReporter {
  /// Says nothing.
  public func runFinished(_ scores: RunScores) {}
}

/// One step, as rank 0 sees it. Losses are means over the shards.
public struct StepReport: Sendable {
  public var phase: Phase
  /// From 1, over all steps of the run.
  public var step: Int
  /// From 0, over all phases.
  public var epoch: Int
  public var epochs: Int
  /// Steps done in this epoch, and their number.
  public var position: Int
  public var stepsPerEpoch: Int
  public var box, classification, distribution: Double
  public var gradientNorm: Double
  public var isSkipped: Bool
  public var pictureCount: Int
  public var rates: StepRates
}

/// One epoch. Losses are means over the steps that were not skipped; `nil` where all were.
public struct EpochReport: Sendable {
  public var phase: Phase
  /// From 0, over all phases.
  public var epoch: Int
  public var epochs: Int
  public var step: Int
  public var box, classification, distribution: Double?
  /// Pictures trained on, and the time that took, evaluation not included.
  public var pictureCount: Int
  /// Steps that were run.
  public var stepCount: Int
  public var seconds: Double
  /// `nil` where nothing was scored in this epoch.
  public var evaluation: EvaluationSummary?
  public var learningRates: [Double]
  /// Seconds per step that each rank computed before it waited for the others; the mean of its steps.
  public var rankTimes: RankTimes
}

/// The scores of an evaluation that go into reports.
public struct EvaluationSummary: Hashable, Sendable, Codable {
  public var mAP50to95, mAP50, precision, recall: Double

  public init(mAP50to95: Double, mAP50: Double, precision: Double, recall: Double) {
    self.mAP50to95 = mAP50to95
    self.mAP50 = mAP50
    self.precision = precision
    self.recall = recall
  }
}

/// How a call of `Trainer.run` ended.
public enum TrainingOutcome: Hashable, Sendable {
  case finished
  /// A signal asked for the end; a checkpoint was written and the run can be resumed.
  case stopped(signal: Int32?)
}
