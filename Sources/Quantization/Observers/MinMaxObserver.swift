/// The smallest and the largest value ever seen. One outlier widens it for good.
///
/// Merging is exact: whoever saw the values, and in whatever order and grouping, the bits are the same.
public struct MinMaxObserver: Hashable, Sendable, Codable {
  /// `nil` until a finite value was seen.
  public private(set) var range: Extremes?
  /// How many values were NaN or infinite: they are in no range.
  public private(set) var unusableCount: UInt64 = 0

  public init() {}

  public init(range: Extremes?, unusableCount: UInt64 = 0) {
    self.range = range
    self.unusableCount = unusableCount
  }

  /// Takes in values.
  public mutating func observe(_ values: UnsafeBufferPointer<Float>) {
    var (low, high) = (Float.infinity, -Float.infinity)
    for x in values {
      guard x.isFinite else {
        unusableCount += 1
        continue
      }
      if x < low { low = x }
      if x > high { high = x }
    }
    if low <= high { widen(Extremes(low: low, high: high)) }
  }

  /// Takes in all that `other` has seen.
  public mutating func merge(_ other: Self) {
    if let seen = other.range { widen(seen) }
    unusableCount += other.unusableCount
  }

  private mutating func widen(_ seen: Extremes) {
    // A zero has two signs, and which of them was seen first must not show in the bits.
    let (low, high) = (seen.low + 0, seen.high + 0)
    let old = range ?? Extremes(low: low, high: high)
    range = Extremes(low: Swift.min(old.low, low), high: Swift.max(old.high, high))
  }
}

/// A range by its two ends, `low <= high`.
public struct Extremes: Hashable, Sendable, Codable {
  public var low: Float
  public var high: Float

  public init(low: Float, high: Float) {
    precondition(low <= high, "\(low) ... \(high)")
    self.low = low
    self.high = high
  }
}

/// A `MinMaxObserver` per channel of `[…, C]`: what a grid per channel covers.
public struct ChannelMinMaxObserver: Hashable, Sendable, Codable {
  public private(set) var channels: [MinMaxObserver]

  public init(channelCount: Int) {
    channels = Array(repeating: MinMaxObserver(), count: channelCount)
  }

  /// Takes in rows of `C` values, channel by channel.
  public mutating func observe(_ values: UnsafeBufferPointer<Float>) {
    let C = channels.count
    precondition(C > 0 && values.count % C == 0, "\(values.count) values for \(C) channels")
    var low = [Float](repeating: .infinity, count: C)
    var high = [Float](repeating: -.infinity, count: C)
    var unusable = [UInt64](repeating: 0, count: C)
    var c = 0
    for x in values {
      if x.isFinite {
        if x < low[c] { low[c] = x }
        if x > high[c] { high[c] = x }
      } else {
        unusable[c] += 1
      }
      c = c + 1 == C ? 0 : c + 1
    }
    for c in 0..<C {
      let seen = low[c] <= high[c] ? Extremes(low: low[c], high: high[c]) : nil
      channels[c].merge(MinMaxObserver(range: seen, unusableCount: unusable[c]))
    }
  }

  /// Takes in all that `other` has seen.
  public mutating func merge(_ other: Self) {
    precondition(
      channels.count == other.channels.count, "\(channels.count) and \(other.channels.count)")
    for c in channels.indices { channels[c].merge(other.channels[c]) }
  }
}
