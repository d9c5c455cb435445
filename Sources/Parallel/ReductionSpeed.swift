public import MessagePassing
import Tensors

/// How fast these ranks sum a vector as long as YOLOv8n's gradient.
public struct ReductionSpeed: Sendable {
  public let byteCount: Int
  /// One `OrderedReduction`, on the slowest rank.
  public let seconds: Double
  /// The MPI library's own sum, whose bits depend on the number of ranks.
  public let plainSeconds: Double

  /// 10⁹ bytes of the vector summed per second.
  public var gigabytesPerSecond: Double { Double(byteCount) / seconds * 1e-9 }

  /// Takes about a second.
  ///
  /// *Collective.* *Throws* `FailureReport`.
  public init(communicator: Communicator, valueCount: Int = 3_150_000) throws(FailureReport) {
    let reduction = try communicator.together {
      try OrderedReduction(
        communicator: communicator, shardCount: communicator.size, sumCount: valueCount,
        maximumCount: 0)
    }
    let memory = AlignedBuffer(byteCount: valueCount * 4)
    let values = memory.base.assumingMemoryBound(to: Float.self)
    values.initialize(repeating: 1, count: valueCount)
    func ordered() throws(MPIError) {
      reduction.begin()
      reduction.add(shard: communicator.rank, sums: values, maxima: values)
      try reduction.finish(sums: values, maxima: values)
      values.update(repeating: 1, count: valueCount)
    }
    func plain() throws(MPIError) {
      try communicator.allReduce(values, count: valueCount, .sum)
      values.update(repeating: 1, count: valueCount)
    }
    seconds = try communicator.together { try Self.meanSeconds(communicator, ordered) }
    plainSeconds = try communicator.together { try Self.meanSeconds(communicator, plain) }
    byteCount = valueCount * 4
  }

  /// The mean over about half a second, that of the slowest rank.
  private static func meanSeconds(
    _ communicator: Communicator, _ work: () throws(MPIError) -> Void
  ) throws(MPIError) -> Double {
    func time(_ count: Int) throws(MPIError) -> Double {
      try communicator.barrier()
      let begin = monotonicNanoseconds()
      for _ in 0..<count { try work() }
      var mean = Double(monotonicNanoseconds() - begin) * 1e-9 / Double(count)
      try communicator.allReduce(&mean, count: 1, .maximum)
      return mean
    }
    let once = try time(2)
    return try time(min(max(Int(0.5 / once), 1), 10_000))
  }
}
