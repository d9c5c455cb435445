public import MessagePassing

/// One number of every rank, for finding the one that holds up the others.
public struct RankTimes: Equatable, Sendable {
  public var minimum, median, maximum: Double
  /// Whose is the maximum.
  public var slowest: Int

  /// - Parameter seconds: one per rank; at least one.
  package init(_ seconds: [Double]) {
    let sorted = seconds.sorted()
    let middle = sorted.count / 2
    minimum = sorted[0]
    maximum = sorted[sorted.count - 1]
    median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    slowest = seconds.firstIndex(of: maximum) ?? 0
  }

  /// *Collective.*
  public init(gathering seconds: Double, communicator: Communicator) throws(FailureReport) {
    let all = try communicator.together { try communicator.allGather(seconds.bitPattern) }
    self.init(all.map { Double(bitPattern: $0) })
  }

  /// Whether one rank is so slow that the others lose a fifth of their time or more.
  public var hasStraggler: Bool { maximum > 1.25 * median }
}
