/// How many values fell between equally spaced edges.
///
/// Its state merges exactly where the edges are common, because counts are integers: so a range over
/// all shards comes first (`MinMaxObserver`, merged), then the counts on the edges made from it. A value
/// outside the range counts in the outermost bin.
///
/// Bin `i` is `low + i·width ..< low + (i+1)·width`; which one a value falls into is computed in Double,
/// the same on every machine.
public struct Histogram: Hashable, Sendable, Codable {
  public let range: Extremes
  public private(set) var counts: [UInt64]
  /// How many values were NaN or infinite: they are in no bin.
  public private(set) var unusableCount: UInt64 = 0

  /// - Parameters:
  ///   - range: where the edges begin and end; of a single value, all counts are in bin 0.
  ///   - binCount: 2048 is what calibration by entropy is published with.
  public init(over range: Extremes, binCount: Int = 2048) {
    precondition(binCount > 0, "\(binCount) bins")
    precondition(range.low.isFinite && range.high.isFinite, "\(range.low) ... \(range.high)")
    self.range = range
    counts = Array(repeating: 0, count: binCount)
  }

  /// A histogram restored from its counts.
  public init(over range: Extremes, counts: [UInt64], unusableCount: UInt64 = 0) {
    self.init(over: range, binCount: counts.count)
    self.counts = counts
    self.unusableCount = unusableCount
  }

  public var binCount: Int { counts.count }
  public var binWidth: Double { (Double(range.high) - Double(range.low)) / Double(binCount) }
  public var total: UInt64 { counts.reduce(0, +) }

  /// The middle of a bin.
  public func center(_ bin: Int) -> Double {
    Double(range.low) + (Double(bin) + 0.5) * binWidth
  }

  /// Takes in values.
  public mutating func observe(_ values: UnsafeBufferPointer<Float>) {
    guard let first = values.baseAddress else { return }
    let edges = HistogramEdges(over: range, binCount: binCount)
    unusableCount += counts.withUnsafeMutableBufferPointer {
      edges.count(first, values.count, into: $0.baseAddress!)
    }
  }

  /// Takes in all that `other` has seen; both stand on the same edges.
  public mutating func merge(_ other: Self) {
    precondition(
      range == other.range && binCount == other.binCount,
      "\(range), \(binCount) bins, and \(other.range), \(other.binCount) bins")
    for i in counts.indices { counts[i] += other.counts[i] }
    unusableCount += other.unusableCount
  }
}
