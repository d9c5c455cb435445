/// Which rank computes which shards: contiguous runs, as even as possible, longer ones first.
public struct ShardAssignment: Equatable, Sendable {
  public let shardCount: Int
  public let worldSize: Int

  /// *Throws* `TooManyRanks` if a rank would be left without a shard.
  public init(shardCount: Int, worldSize: Int) throws(TooManyRanks) {
    precondition(shardCount > 0 && worldSize > 0, "\(shardCount) shards, \(worldSize) ranks")
    guard worldSize <= shardCount else {
      throw TooManyRanks(worldSize: worldSize, shardCount: shardCount)
    }
    self.shardCount = shardCount
    self.worldSize = worldSize
  }

  /// The shards of `rank`; never empty.
  public func shards(of rank: Int) -> Range<Int> {
    precondition(rank >= 0 && rank < worldSize, "rank \(rank) of \(worldSize)")
    let (length, longer) = shardCount.quotientAndRemainder(dividingBy: worldSize)
    let start = rank * length + min(rank, longer)
    return start..<start + length + (rank < longer ? 1 : 0)
  }
}

/// More ranks were started than there are shards to share.
public struct TooManyRanks: Error, Equatable, Sendable, CustomStringConvertible {
  public let worldSize: Int
  public let shardCount: Int

  public var description: String {
    "\(worldSize) ranks but the recipe has \(shardCount) shards (`batch.shards`): start "
      + "\(shardCount) ranks or fewer (`mpirun -n \(shardCount)`; in a batch file nodes × tasks per node), or "
      + "set `batch.shards` to \(worldSize) or more, which trains with other batch statistics"
  }
}
