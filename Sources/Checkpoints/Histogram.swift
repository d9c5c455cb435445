public import Tensors

/// How often a tensor's finite values fall into equal parts of its range.
public struct Histogram: Hashable, Sendable, Codable {
  public var minimum: Double
  public var maximum: Double
  /// Part `i` of `n` reaches from `minimum + i/n·(maximum - minimum)` to where the next begins; the
  /// last one has the maximum too.
  public var counts: [Int]

  public init(_ tensor: Tensor, binCount: Int = 32) {
    precondition(binCount > 0, "\(binCount) parts")
    let values = doubles(tensor).filter(\.isFinite)
    let (low, high) = (values.min() ?? 0, values.max() ?? 0)
    (minimum, maximum) = (low, high)
    counts = [Int](repeating: 0, count: binCount)
    // Halves, so that the width of the widest range is finite.
    let width = high / 2 - low / 2
    for value in values {
      let place = width > 0 ? (value / 2 - low / 2) / width * Double(binCount) : 0
      counts[Swift.min(Int(place), binCount - 1)] += 1
    }
  }

  /// A line of block characters, as high as the counts' roots: tails stay visible.
  public var bars: String {
    let highest = Double(counts.max() ?? 0).squareRoot()
    guard highest > 0 else { return "" }
    let blocks = Array(" ▁▂▃▄▅▆▇█")
    return String(
      counts.map { blocks[Int((Double($0).squareRoot() / highest * 8).rounded(.up))] })
  }
}
