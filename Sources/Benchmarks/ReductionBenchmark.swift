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

  /// Times both by turns: `OrderedReduction` with one shard a rank, taking the vector in and giving
  /// the sum out; and `MPI_Allreduce` in place on the same numbers.
  ///
  /// *Collective.*
  public init(byteCount: Int, communicator: Communicator) throws {
    let count = max(byteCount / MemoryLayout<Float>.size, 1)
    self.byteCount = count * MemoryLayout<Float>.size
    rankCount = communicator.size
    let reduction = try OrderedReduction(
      communicator: communicator, shardCount: communicator.size, sumCount: count, maximumCount: 0)
    let own = AlignedBuffer(byteCount: self.byteCount)
    let total = AlignedBuffer(byteCount: self.byteCount)
    let values = own.base.assumingMemoryBound(to: Float.self)
    let sums = total.base.assumingMemoryBound(to: Float.self)
    for i in 0..<count { values[i] = Float(i % 1000) * 1e-3 }
    var none: Float = 0

    var orderedSeconds: [Double] = []
    var allReduceSeconds: [Double] = []
    // Many of what is short; the same number on every rank.
    let repetitions = min(max((64 << 20) / self.byteCount, 9), 201)
    for repetition in 0..<repetitions + 3 {
      try communicator.barrier()
      var taken = [0.0, 0.0]
      taken[0] = try secondsTaken {
        reduction.begin()
        for shard in reduction.shards {
          reduction.add(shard: shard, sums: values, maxima: &none)
        }
        try reduction.finish(sums: sums, maxima: &none)
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
