/// Which pictures a batch is made of and how.
public struct BatchRequest: Hashable, Sendable {
  /// Positions in the data set.
  public var sampleIndices: [Int]
  /// For the augmentation's random numbers.
  public var epoch: Int
  /// `nil`: letterboxed as they are, with every box.
  public var augmentation: AugmentationSettings?

  public init(sampleIndices: [Int], epoch: Int = 0, augmentation: AugmentationSettings? = nil) {
    self.sampleIndices = sampleIndices
    self.epoch = epoch
    self.augmentation = augmentation
  }

  /// The batches of the shards `shards` of the steps `steps` of an epoch: step by step, in each
  /// shard by shard.
  public static func training(
    order: EpochOrder, epoch: Int, steps: Range<Int>, shards: Range<Int>, globalBatch: Int,
    shardCount: Int, augmentation: AugmentationSettings?
  ) -> [BatchRequest] {
    steps.flatMap { step in
      shards.map { shard in
        BatchRequest(
          sampleIndices: order.shardIndices(
            step: step, shard: shard, globalBatch: globalBatch, shardCount: shardCount),
          epoch: epoch, augmentation: augmentation)
      }
    }
  }

  /// All pictures once, in the order of the data set, at most `batch` at a time.
  public static func validation(sampleCount: Int, batch: Int) -> [BatchRequest] {
    precondition(batch > 0, "batch \(batch)")
    return stride(from: 0, to: sampleCount, by: batch).map { first in
      BatchRequest(sampleIndices: Array(first..<min(first + batch, sampleCount)))
    }
  }
}
