import Glibc

/// How long the repetitions of one thing took, in seconds and in order.
public struct Timings: Hashable, Sendable {
  public var seconds: [Double]

  public init(_ seconds: [Double]) {
    precondition(!seconds.isEmpty, "timings of nothing")
    self.seconds = seconds
  }

  /// Runs `body` `warmUp` times unmeasured, then `count` times.
  public init(count: Int, warmUp: Int = 0, _ body: () throws -> Void) rethrows {
    precondition(count > 0 && warmUp >= 0, "\(count) repetitions after \(warmUp)")
    for _ in 0..<warmUp { try body() }
    var seconds: [Double] = []
    seconds.reserveCapacity(count)
    for _ in 0..<count { seconds.append(try secondsTaken(by: body)) }
    self.init(seconds)
  }

  /// The middle one; of an even number the later of the two.
  public var median: Double { seconds.sorted()[seconds.count / 2] }
  public var minimum: Double { seconds.min()! }
}

/// Seconds on a clock that never jumps.
public func monotonicSeconds() -> Double { seconds(of: CLOCK_MONOTONIC) }

/// Seconds that all threads of this process together have computed, system calls included.
public func processorSeconds() -> Double { seconds(of: CLOCK_PROCESS_CPUTIME_ID) }

/// Processor time of one of `count` calls.
func processorSeconds(count: Int, by body: () throws -> Void) rethrows -> Double {
  let start = processorSeconds()
  for _ in 0..<count { try body() }
  return (processorSeconds() - start) / Double(count)
}

/// Wall time of one call.
public func secondsTaken(by body: () throws -> Void) rethrows -> Double {
  let start = monotonicSeconds()
  try body()
  return monotonicSeconds() - start
}

private func seconds(of clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
