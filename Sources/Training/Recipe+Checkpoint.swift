import Checkpoints

extension Recipe {
  /// `checkpoint`: when the run is saved and how much of it is kept.
  public struct Checkpoint: Codable, Sendable, Hashable {
    /// What happens to a checkpoint that is due while the one before is still being written.
    public enum WhenBusy: String, Codable, Sendable, Hashable, CaseIterable {
      /// The step waits.
      case wait
      /// It is left out; those at ends of epochs and at the end of the run wait all the same.
      case skip
    }

    /// Steps between checkpoints inside an epoch; 0 saves at ends of epochs only.
    public var everySteps = 0
    /// Epochs between checkpoints; 0 saves by steps only. The last epoch of a phase is always saved, and
    /// an epoch whose score is the best of the phase so far.
    public var everyEpochs = 1
    /// Checkpoints kept besides the best one of each phase and the last of the float phase.
    public var keepLast = 3
    /// Besides, of every run of so many steps the first checkpoint is kept; 0 none.
    public var keepEverySteps = 0
    public var whenBusy = WhenBusy.wait
    /// Whether every checkpoint is read back before it counts.
    public var verifyAfterWrite = false
    /// zstd level, for what is not stored as it is.
    public var compressionLevel = 1
    /// Threads per rank that compress and write behind the training.
    public var threads = 1
    /// Steps between comparisons of all ranks' bits; 0 compares at checkpoints only.
    public var agreeEvery = 100

    static let fields: [RecipeField] = [
      .integer("checkpoint.everySteps", \.checkpoint.everySteps, 0...1_000_000_000, .free),
      .integer("checkpoint.everyEpochs", \.checkpoint.everyEpochs, 0...1_000_000, .free),
      .integer("checkpoint.keepLast", \.checkpoint.keepLast, 1...1_000_000, .free),
      .integer("checkpoint.keepEverySteps", \.checkpoint.keepEverySteps, 0...1_000_000_000, .free),
      .choice("checkpoint.whenBusy", \.checkpoint.whenBusy, .free),
      .flag("checkpoint.verifyAfterWrite", \.checkpoint.verifyAfterWrite, .free),
      .integer("checkpoint.compressionLevel", \.checkpoint.compressionLevel, 1...19, .free),
      .integer("checkpoint.threads", \.checkpoint.threads, 1...256, .free),
      .integer("checkpoint.agreeEvery", \.checkpoint.agreeEvery, 0...1_000_000_000, .free),
    ]

    /// The writer of a run's checkpoints; `attempt` is one job's on all ranks.
    func writer(runFolder: String, attempt: String) -> CheckpointWriter {
      var writer = CheckpointWriter(
        runFolder: runFolder, level: compressionLevel,
        retention: RetentionPolicy(
          keepLast: keepLast, keepEverySteps: keepEverySteps > 0 ? keepEverySteps : nil,
          best: .init(metric: "mAP50-95"), keepsPhaseEnds: true),
        verifiesBeforeCommit: verifyAfterWrite, threads: threads)
      writer.attempt = attempt
      return writer
    }
  }
}
