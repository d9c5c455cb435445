public import MessagePassing
import Parallel
import Tensors

/// The ordered reduction beside MPI's own, for a vector of one size.
public struct ReductionBenchmark: Sendable {
  public var byteCount: Int
  public var rankCount: Int
  /// Per repetition the time of the slowest rank.
  public var ordered, allReduce: Timings

  /// Time of the ordered reduction in times of `MPI_Allreduce`.
  public var ratio: Double { ordered.median / allReduce.median }

  /// Bytes per second and rank that a reduction in `seconds` moves in either direction:
  /// `2 (P - 1) / P · n / seconds`.
  public func bandwidth(_ seconds: Double) -> Double {
    2 * Double(rankCount - 1) / Double(rankCount) * Double(byteCount) / seconds
  }

  /// Times both by turns, from the moment a vector lies in memory of the caller until its sum lies
  /// in memory that the caller may read.
  ///
  /// `OrderedReduction` as a training step uses it, with one shard a rank whose values are all final
  /// at once, so that nothing is hidden behind a backward pass; and `MPI_Allreduce` in place.
  ///
  /// *Collective.*
  public init(byteCount: Int, communicator: Communicator) throws {
    let count = max(byteCount / MemoryLayout<Float>.size, 1)
    self.byteCount = count * MemoryLayout<Float>.size
    rankCount = communicator.size
    let reduction = try OrderedReduction(
      communicator: communicator, shardCount: communicator.size, sumCount: count, maximumCount: 0,
      gradientCount: count)
    let own = AlignedBuffer(byteCount: self.byteCount)
    let total = AlignedBuffer(byteCount: self.byteCount)
    let values = own.base.assumingMemoryBound(to: Float.self)
    let sums = total.base.assumingMemoryBound(to: Float.self)
    for i in 0..<count { values[i] = Float(i % 1000) * 1e-3 }
    var none: Float = 0

    var orderedSeconds: [Double] = []
    var allReduceSeconds: [Double] = []
    // Many of what is short; the same number on every rank.
    let repetitions = min(max((256 << 20) / self.byteCount, 9), 201)
    for repetition in 0..<repetitions + 3 {
      // Both find their numbers just written.
      for i in 0..<count { values[i] = Float(i % 1000) * 1e-3 }
      try communicator.barrier()
      var taken = [0.0, 0.0]
      taken[0] = try secondsTaken {
        reduction.begin()
        for shard in reduction.shards {
          reduction.open(shard: shard, sums: values, maxima: &none)
          try reduction.advance(finalFrom: 0)
        }
        try reduction.finish()
      }
      sums.update(from: values, count: count)
      try communicator.barrier()
      taken[1] = try secondsTaken { try communicator.allReduce(sums, count: count, .sum) }
      try communicator.allReduce(&taken, count: 2, .maximum)
      guard repetition >= 3 else { continue }
      orderedSeconds.append(taken[0])
      allReduceSeconds.append(taken[1])
    }
    ordered = Timings(orderedSeconds)
    allReduce = Timings(allReduceSeconds)
  }
}
