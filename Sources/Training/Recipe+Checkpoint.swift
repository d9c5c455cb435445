extension Recipe {
  /// `checkpoint`: when the run is saved and how much of it is kept.
  public struct Checkpoint: Codable, Sendable, Hashable {
    /// Steps between checkpoints inside an epoch; 0 saves at ends of epochs only.
    public var everySteps = 0
    /// Epochs between checkpoints; 0 saves by steps only. The last epoch of a phase is always saved.
    public var everyEpochs = 1
    /// Checkpoints kept besides the best one.
    public var keepLast = 3
    /// zstd level.
    public var compressionLevel = 3
    /// Steps between comparisons of all ranks' bits; 0 compares at checkpoints only.
    public var agreeEvery = 100

    static let fields: [RecipeField] = [
      .integer("checkpoint.everySteps", \.checkpoint.everySteps, 0...1_000_000_000, .free),
      .integer("checkpoint.everyEpochs", \.checkpoint.everyEpochs, 0...1_000_000, .free),
      .integer("checkpoint.keepLast", \.checkpoint.keepLast, 1...1_000_000, .free),
      .integer("checkpoint.compressionLevel", \.checkpoint.compressionLevel, 1...19, .free),
      .integer("checkpoint.agreeEvery", \.checkpoint.agreeEvery, 0...1_000_000_000, .free),
    ]
  }
}
