import Parallel
import Testing

@Suite struct ShardAssignmentTests {
  @Test func `runs are contiguous, cover every shard once and differ by at most one`() throws {
    for shards in 1...17 {
      for ranks in 1...shards {
        let assignment = try ShardAssignment(shardCount: shards, worldSize: ranks)
        let runs = (0..<ranks).map { assignment.shards(of: $0) }
        #expect(runs.flatMap { Array($0) } == Array(0..<shards))
        #expect(runs[0].count - runs[ranks - 1].count <= 1 && runs[ranks - 1].count > 0)
      }
    }
  }

  @Test func `more ranks than shards are refused with what to do`() throws {
    let error = #expect(throws: TooManyRanks.self) {
      try ShardAssignment(shardCount: 4, worldSize: 6)
    }
    let sentence = try #require(error?.description)
    #expect(sentence.hasPrefix("6 ranks but the recipe has 4 shards (`batch.shards`)"))
    #expect(sentence.contains("start 4 ranks or fewer (`mpirun -n 4`;"))
    #expect(sentence.contains("set `batch.shards` to 6 or more"))
  }
}
