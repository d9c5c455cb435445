extension Recipe {
  /// `limits`: when a run gives up.
  public struct Limits: Codable, Sendable, Hashable {
    /// Steps in a row that may be skipped because a loss or gradient was not finite.
    public var maximumSkippedSteps = 10

    static let fields: [RecipeField] = [
      .integer("limits.maximumSkippedSteps", \.limits.maximumSkippedSteps, 0...1_000_000, .free)
    ]
  }

  /// `system`: what a rank uses of its machine.
  public struct System: Codable, Sendable, Hashable {
    /// Compute threads per rank. Another number may change the last bits of a float result, so runs
    /// that must be equal bit for bit use the same one.
    public var threads = 1
    /// Threads per rank that decode and augment ahead of the step; never change a result.
    public var loaderThreads = 1
    /// Memory per rank for decoded pictures of both splits, MiB; 0 decodes each time anew. What has
    /// been decoded stays while there is room, at input size without padding: 225 KiB for a picture
    /// of 4:3 at 320.
    public var cacheMiB = 512

    static let fields: [RecipeField] = [
      .integer("system.threads", \.system.threads, 1...1024, .free),
      .integer("system.loaderThreads", \.system.loaderThreads, 0...1024, .free),
      .integer("system.cacheMiB", \.system.cacheMiB, 0...100_000_000, .free),
    ]
  }
}
