import MessagePassing
import Parallel
import Testing

@Suite struct OrderedReductionTests {
  @Test func `solo the result has the bits of the plain recursive sum`() throws {
    #expect(try ReductionCase.reportAll(.solo) == ReductionCase.expectedReport(ranks: 1))
  }

  @Test(arguments: [1, 2, 3, 4, 5, 7, 8])
  func `under mpirun every rank has the bits of the plain recursive sum`(ranks: Int) throws {
    let outcome = try MPIRun.run(
      "reduction", ranks: ranks, filter: "ParallelTests.ParallelChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    let expected = ReductionCase.expectedReport(ranks: ranks)
    #expect(!expected.isEmpty)
    for rank in 0..<ranks {
      #expect(outcome.reports[rank] == expected, "rank \(rank)")
    }
  }

  @Test(arguments: [1, 2, 3, 4, 6])
  func `given away during the backward pass, read or sent, the sums have the same bits`(ranks: Int)
    throws
  {
    let outcome = try MPIRun.run("overlap", ranks: ranks, filter: "ParallelTests.ParallelChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    let expected = ReductionCase.expectedReport(ranks: ranks)
    for rank in 0..<ranks {
      #expect(outcome.reports[rank] == expected, "rank \(rank)")
    }
  }

  @Test func `the made-up values show another order of adding`() {
    let one = ReductionCase(shardCount: 8, sumCount: 1000, maximumCount: 0, step: 0)
    let shards = (0..<8).map { one.values(shard: $0).sums }
    let inSequence = (0..<1000).map { i in shards.reduce(Float(0)) { $0 + $1[i] } }
    #expect(inSequence != one.reference().sums)
  }

  @Test func `a NaN anywhere gives NaN and no other value is touched`() throws {
    for position in 0..<4 {
      let reduction = try OrderedReduction(
        communicator: .solo, shardCount: 4, sumCount: 2, maximumCount: 3)
      reduction.begin()
      for shard in 0..<4 {
        let bad = shard == position ? Float.nan : Float(shard)
        reduction.add(shard: shard, sums: [bad, 1], maxima: [bad, Float(shard), -.infinity])
      }
      var sums: [Float] = [0, 0]
      var maxima: [Float] = [0, 0, 0]
      try reduction.finish(sums: &sums, maxima: &maxima)
      #expect(sums.map(\.bitPattern) == [Float.nan.bitPattern, (4 as Float).bitPattern])
      #expect(maxima[0].bitPattern == Float.nan.bitPattern)
      #expect(maxima[1...] == [3, -.infinity])
    }
  }

  @Test func `on a power of two each rank sends as much as a ring would`() throws {
    let outcome = try MPIRun.run("traffic", ranks: 4, filter: "ParallelTests.ParallelChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    // 2 · 3/4 · 64,000 values · 4 bytes
    #expect(outcome.reports == .init(repeating: "384000", count: 4), "\(outcome.log)")
  }

  @Test func `more ranks than shards end in the same sentence on every rank`() throws {
    let outcome = try MPIRun.run("tooMany", ranks: 3, filter: "ParallelTests.ParallelChildren")
    #expect(outcome.exitCode == 0, "\(outcome.log)")
    #expect(outcome.reports.count == 3 && Set(outcome.reports).count == 1, "\(outcome.log)")
    #expect(
      outcome.reports[0]?.hasPrefix("3 ranks but the recipe has 2 shards") == true, "\(outcome.log)"
    )
  }
}
