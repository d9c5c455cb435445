import Tensors

/// The order in which an epoch visits the pictures: a permutation made from (seed, epoch) alone.
///
/// Step `i` takes the positions `i·B ..< (i + 1)·B` of the order, `B` being the global batch; where
/// these run past its end they begin again at its start. So an epoch has `⌈N / B⌉` steps, every
/// picture is seen, and the last batch is as large as the others.
public struct EpochOrder: Sendable {
  /// Positions in the data set.
  public let indices: [Int]

  public init(seed: UInt64, epoch: Int, sampleCount: Int) {
    precondition(sampleCount > 0, "an order of \(sampleCount) samples")
    // No sample has this position, so the order shares no numbers with any augmentation.
    var generator = Philox(seed: seed, stream: UInt64(epoch), position: .max)
    var indices = Array(0..<sampleCount)
    generator.shuffle(&indices)
    self.indices = indices
  }

  /// `⌈N / B⌉`
  public static func stepCount(sampleCount: Int, globalBatch: Int) -> Int {
    (sampleCount + globalBatch - 1) / globalBatch
  }

  /// The samples of one step, in order.
  public func globalBatchIndices(step: Int, globalBatch: Int) -> [Int] {
    (0..<globalBatch).map { indices[(step * globalBatch + $0) % indices.count] }
  }

  /// The samples of one of the `shardCount` equal, contiguous parts of a step's global batch.
  public func shardIndices(
    step: Int, shard: Int, globalBatch: Int, shardCount: Int
  ) -> [Int] {
    precondition(
      shardCount > 0 && globalBatch % shardCount == 0 && (0..<shardCount).contains(shard),
      "shard \(shard) of \(shardCount) of a global batch of \(globalBatch)")
    let count = globalBatch / shardCount
    let first = step * globalBatch + shard * count
    return (first..<(first + count)).map { indices[$0 % indices.count] }
  }
}
