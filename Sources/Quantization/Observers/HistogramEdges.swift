/// Equally spaced edges, and the loop that counts values between them.
///
/// Bin `i` is `low + i·width ..< low + (i+1)·width`, computed in Double; what lies outside counts in the
/// outermost bin.
public struct HistogramEdges: Hashable, Sendable {
  private let low, perUnit, last: Double

  /// - Parameter range: of a single value, all counts are in bin 0.
  public init(over range: Extremes, binCount: Int) {
    precondition(binCount > 0, "\(binCount) bins")
    let width = (Double(range.high) - Double(range.low)) / Double(binCount)
    low = Double(range.low)
    perUnit = width > 0 ? 1 / width : 0
    last = Double(binCount - 1)
  }

  /// Adds `count` values to their bins.
  ///
  /// - Returns: how many of them were NaN or infinite: they are in no bin.
  public func count(
    _ values: UnsafePointer<Float>, _ count: Int, into counts: UnsafeMutablePointer<UInt64>
  ) -> UInt64 {
    var unusable: UInt64 = 0
    for i in 0..<count {
      let x = values[i]
      guard x.isFinite else {
        unusable += 1
        continue
      }
      let place = (Double(x) - low) * perUnit
      counts[Int(Swift.min(Swift.max(place, 0), last))] += 1
    }
    return unusable
  }
}
