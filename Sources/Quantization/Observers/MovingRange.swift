/// A range that follows the minima and maxima of global batches: `r ← r + m·(seen - r)`.
///
/// The first batch sets it. What it takes in was reduced over all shards before, exactly, so it
/// depends on the pictures alone.
public struct MovingRange: Hashable, Sendable, Codable {
  public private(set) var low: Float
  public private(set) var high: Float
  public private(set) var batchCount: Int

  public init() {
    low = 0
    high = 0
    batchCount = 0
  }

  /// A range restored from a checkpoint.
  public init(low: Float, high: Float, batchCount: Int) {
    self.low = low
    self.high = high
    self.batchCount = batchCount
  }

  public var isEmpty: Bool { batchCount == 0 }

  /// Takes in the extremes of one global batch. Extremes that are not finite are passed over.
  public mutating func observe(low newLow: Float, high newHigh: Float, momentum: Float) {
    guard newLow.isFinite, newHigh.isFinite, newLow <= newHigh else { return }
    if isEmpty {
      low = newLow
      high = newHigh
    } else {
      low += momentum * (newLow - low)
      high += momentum * (newHigh - high)
    }
    batchCount += 1
  }
}
