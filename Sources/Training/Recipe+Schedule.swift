extension Recipe {
  /// `schedule`: float → calibrate → QAT → freeze observers → freeze batch norm.
  public struct Schedule: Codable, Sendable, Hashable {
    /// Epochs in float; 0 starts from given weights.
    public var floatEpochs = 100
    /// Training pictures (unaugmented, in a fixed order) that set the first activation ranges.
    public var calibrationImages = 512
    /// Epochs of quantization-aware training; 0 ends with calibration.
    public var qatEpochs = 10
    /// Rate of the QAT phase after its own warm-up; decays like the float one.
    public var qatLearningRate = 0.0005
    public var qatWarmupEpochs = 1.0
    /// QAT epochs after which the ranges stay as they are.
    public var freezeObserversAfter = 4
    /// QAT epochs after which batch norm uses its running statistics.
    public var freezeBatchNormAfter = 3
    /// Training pictures that give batch norm its running statistics anew after the last QAT epoch; 0
    /// leaves them as training made them.
    public var reestimateBatchNorm = 0

    /// Epochs of both phases.
    public var epochs: Int { floatEpochs + qatEpochs }

    static let fields: [RecipeField] = [
      .integer("schedule.floatEpochs", \.schedule.floatEpochs, 0...1_000_000),
      .integer("schedule.calibrationImages", \.schedule.calibrationImages, 1...10_000_000),
      .integer("schedule.qatEpochs", \.schedule.qatEpochs, 0...1_000_000),
      .number("schedule.qatLearningRate", \.schedule.qatLearningRate, 0...100),
      .number("schedule.qatWarmupEpochs", \.schedule.qatWarmupEpochs, 0...1_000_000),
      .integer("schedule.freezeObserversAfter", \.schedule.freezeObserversAfter, 0...1_000_000),
      .integer("schedule.freezeBatchNormAfter", \.schedule.freezeBatchNormAfter, 0...1_000_000),
      .integer("schedule.reestimateBatchNorm", \.schedule.reestimateBatchNorm, 0...10_000_000),
    ]
  }
}
