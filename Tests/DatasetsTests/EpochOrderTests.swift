import Datasets
import Testing

@Suite struct EpochOrderTests {
  @Test func `An epoch is a permutation that seed and epoch alone decide`() {
    let order = EpochOrder(seed: 5, epoch: 3, sampleCount: 101)
    #expect(order.indices.sorted() == Array(0..<101))
    #expect(order.indices == EpochOrder(seed: 5, epoch: 3, sampleCount: 101).indices)
    #expect(order.indices != EpochOrder(seed: 5, epoch: 4, sampleCount: 101).indices)
    #expect(order.indices != EpochOrder(seed: 6, epoch: 3, sampleCount: 101).indices)
  }

  @Test func `The steps see every picture and the last one begins anew`() {
    let order = EpochOrder(seed: 1, epoch: 0, sampleCount: 10)
    let steps = EpochOrder.stepCount(sampleCount: 10, globalBatch: 4)
    #expect(steps == 3)
    let seen = (0..<steps).flatMap { order.globalBatchIndices(step: $0, globalBatch: 4) }
    #expect(Array(seen.prefix(10)) == order.indices)
    #expect(Array(seen.suffix(2)) == Array(order.indices.prefix(2)))
  }

  @Test(arguments: [1, 2, 4, 8])
  func `The shards of a step are its global batch in order`(shardCount: Int) {
    let order = EpochOrder(seed: 1, epoch: 0, sampleCount: 13)
    for step in 0..<2 {
      let shards = (0..<shardCount).flatMap {
        order.shardIndices(step: step, shard: $0, globalBatch: 8, shardCount: shardCount)
      }
      #expect(shards == order.globalBatchIndices(step: step, globalBatch: 8))
    }
  }

  @Test func `A batch larger than the data set goes round it`() {
    let order = EpochOrder(seed: 1, epoch: 0, sampleCount: 3)
    let batch = order.globalBatchIndices(step: 0, globalBatch: 8)
    #expect(batch == (0..<8).map { order.indices[$0 % 3] })
  }
}
