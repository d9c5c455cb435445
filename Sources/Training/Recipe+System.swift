extension Recipe {
  /// `limits`: when a run gives up.
  public struct Limits: Codable, Sendable, Hashable {
    /// Steps in a row that may be skipped because a loss or gradient was not finite.
    public var maximumSkippedSteps = 10
    /// Seconds without progress after which ranks that wait for another end the job and name it;
    /// 0 never. Longer than the slowest picture, shard or checkpoint may take.
    public var hangSeconds = 300.0
    /// Seconds from a signal to stop until the job ends without a new checkpoint, should saving one
    /// take that long; 0 waits for it. Batch systems give 120 s (`cluster/`).
    public var stopSeconds = 100.0

    static let fields: [RecipeField] = [
      .integer("limits.maximumSkippedSteps", \.limits.maximumSkippedSteps, 0...1_000_000, .free),
      .number("limits.hangSeconds", \.limits.hangSeconds, 0...1_000_000, .free),
      .number("limits.stopSeconds", \.limits.stopSeconds, 0...1_000_000, .free),
    ]
  }

  /// `system`: what a rank uses of its machine.
  public struct System: Codable, Sendable, Hashable {
    /// Compute threads per rank. Another number may change the last bits of a float result, so a resumed
    /// run has the same one.
    public var threads = 1
    /// Threads per rank that decode and augment ahead of the step; never change a result.
    public var loaderThreads = 1
    /// Memory per rank for decoded pictures of both splits, MiB; 0 decodes each time anew. What has
    /// been decoded stays while there is room, at input size without padding: 225 KiB for a picture
    /// of 4:3 at 320.
    public var cacheMiB = 512

    static let fields: [RecipeField] = [
      .integer("system.threads", \.system.threads, 1...1024),
      .integer("system.loaderThreads", \.system.loaderThreads, 0...1024, .free),
      .integer("system.cacheMiB", \.system.cacheMiB, 0...100_000_000, .free),
    ]
  }
}
