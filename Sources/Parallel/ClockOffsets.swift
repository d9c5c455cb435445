import Glibc
public import MessagePassing

/// How far the ranks' clocks of the day are apart.
public struct ClockOffsets: Sendable {
  /// Seconds by which each rank's clock is ahead of rank 0's.
  public let seconds: [Double]
  /// What these may be wrong by: how long asking everybody took.
  public let uncertainty: Double

  /// The quickest of some rounds in which all read their clocks after a barrier. Rank 0's is the
  /// one to look at.
  ///
  /// *Collective.* *Throws* `FailureReport`.
  public init(communicator: Communicator) throws(FailureReport) {
    var best: Round?
    for _ in 0..<20 {
      let round = try communicator.together { try Self.round(communicator) }
      if round.duration < best?.duration ?? .infinity { best = round }
    }
    let clocks = best!.clocks
    seconds = clocks.map { $0 - clocks[0] }
    uncertainty = best!.duration
  }

  private struct Round {
    var clocks: [Double]
    var duration: Double
  }

  private static func round(_ communicator: Communicator) throws(MPIError) -> Round {
    let begin = monotonicNanoseconds()
    try communicator.barrier()
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let clock = Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    let clocks = try communicator.allGather(clock.bitPattern).map { Double(bitPattern: $0) }
    return Round(clocks: clocks, duration: Double(monotonicNanoseconds() - begin) * 1e-9)
  }
}
