/// How often a tensor's finite values fall into equal parts of its range.
public struct Histogram: Hashable, Sendable, Codable {
  public var minimum: Double
  public var maximum: Double
  /// Part `i` of `n` reaches from `minimum + i/n·(maximum - minimum)` to where the next begins; the
  /// last one has the maximum too.
  public var counts: [Int]

  /// Of nothing yet; ends and values follow.
  init(binCount: Int) {
    precondition(binCount > 0, "\(binCount) parts")  // bounded: a number of the program's own
    (minimum, maximum) = (0, 0)
    counts = [Int](repeating: 0, count: binCount)
  }

  /// Counts a finite value between the ends.
  mutating func add(_ value: Double) {
    // Halves, so that the width of the widest range is finite.
    let width = maximum / 2 - minimum / 2  // bounded: doubles
    // bounded: doubles
    let place = width > 0 ? (value / 2 - minimum / 2) / width * Double(counts.count) : 0
    counts[Swift.min(Int(place), counts.count - 1)] += 1  // bounded: 0 to counts.count
  }

  /// A line of block characters, as high as the counts' roots: tails stay visible.
  public var bars: String {
    let highest = Double(counts.max() ?? 0).squareRoot()
    guard highest > 0 else { return "" }
    let blocks = Array(" ▁▂▃▄▅▆▇█")
    return String(
      // bounded: a root of a count over that of the largest is 0 to 1
      counts.map { blocks[Int((Double($0).squareRoot() / highest * 8).rounded(.up))] })
  }
}
