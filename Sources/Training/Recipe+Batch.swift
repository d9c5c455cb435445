extension Recipe {
  /// `batch`: how many pictures one optimizer step sees, and in how many parts they are computed.
  public struct Batch: Codable, Sendable, Hashable {
    /// Global batch `B`: pictures per optimizer step, over all ranks together.
    public var size = 16
    /// `S`: equal parts of the global batch, each with its own batch statistics. The world size
    /// may be anything up to it.
    public var shards = 4

    public init() {}

    public init(size: Int, shards: Int) {
      self.size = size
      self.shards = shards
    }

    /// Pictures per shard, `B / S`.
    public var shardSize: Int { size / shards }

    static let fields: [RecipeField] = [
      .integer("batch.size", \.batch.size, 1...65_536),
      .integer("batch.shards", \.batch.shards, 1...4096),
    ]
  }
}
