import Glibc

/// How a range is chosen from what was seen.
public enum RangeMethod: Hashable, Sendable, Codable {
  /// All of it.
  case minMax
  /// The part that leaves out a share of the values at each end: `share` 0.9999 leaves out 0.01 % in
  /// all, half of it below and half above.
  case percentile(share: Double)
  /// The part whose quantized distribution is nearest to the whole one: `Σ p·log(p/q)` is smallest.
  case entropy
  /// The part with the smallest mean squared error of rounding and clipping.
  case squaredError
}

/// Why no range could be chosen. The description completes a sentence that names the site.
public enum RangeError: Error, Hashable, Sendable, CustomStringConvertible {
  case sawNothing
  case sawOnlyUnusable(count: UInt64)
  case sawUnusable(count: UInt64)
  case isUnbounded
  case isConstant(Float)

  public var description: String {
    switch self {
    case .sawNothing: "saw no value; calibrate with pictures that reach it"
    case .sawOnlyUnusable(let count):
      "saw \(count) values and all of them are NaN or infinite; take an earlier checkpoint"
    case .sawUnusable(let count):
      "saw \(count) values that are NaN or infinite; take an earlier checkpoint"
    case .isUnbounded: "saw infinite values; take an earlier checkpoint"
    case .isConstant(let value):
      "saw nothing but \(value); calibrate with pictures that differ, or remove the layer before it"
    }
  }
}

extension Histogram {
  /// The range for a grid of `bits`, chosen from these counts.
  ///
  /// Zero is always in it. A symmetric range has equal ends on both sides of zero. The choice depends on
  /// the counts alone, so ranks that merged them choose the same bits.
  ///
  /// - Throws: `RangeError` when no finite value was seen, or only one.
  public func range(_ method: RangeMethod, bits: Int, symmetric: Bool) throws(RangeError)
    -> Extremes
  {
    guard total > 0 else {
      throw unusableCount > 0 ? .sawOnlyUnusable(count: unusableCount) : .sawNothing
    }
    guard range.low < range.high else { throw .isConstant(range.low) }
    let whole = seen(symmetric: symmetric)
    switch method {
    case .minMax: return whole
    case .percentile(let share): return percentile(share, symmetric: symmetric)
    case .squaredError:
      return best(within: whole, symmetric: symmetric) {
        squaredError($0, bits: bits, symmetric: symmetric)
      }
    case .entropy:
      return best(within: whole, symmetric: symmetric) {
        divergence($0, bits: bits, symmetric: symmetric)
      }
    }
  }

  /// From the first to the last bin with a count, and zero; never beyond what the edges cover.
  private func seen(symmetric: Bool) -> Extremes {
    let first = counts.firstIndex { $0 > 0 }!
    let last = counts.lastIndex { $0 > 0 }!
    return Self.containingZero(edge(first), edge(last + 1), symmetric)
  }

  private func edge(_ index: Int) -> Double {
    index == binCount ? Double(range.high) : Double(range.low) + Double(index) * binWidth
  }

  private static func containingZero(_ low: Double, _ high: Double, _ symmetric: Bool) -> Extremes {
    let (low, high) = (Swift.min(low, 0), Swift.max(high, 0))
    guard symmetric else { return Extremes(low: Float(low), high: Float(high)) }
    let size = Float(Swift.max(-low, high))
    return Extremes(low: -size, high: size)
  }

  private func percentile(_ share: Double, symmetric: Bool) -> Extremes {
    precondition((0...1).contains(share), "a share of \(share)")
    let tail = (1 - share) / 2 * Double(total)
    var (first, last) = (0, binCount - 1)
    var below = Double(counts[first])
    while below <= tail, first < last {
      first += 1
      below += Double(counts[first])
    }
    var above = Double(counts[last])
    while above <= tail, last > first {
      last -= 1
      above += Double(counts[last])
    }
    return Self.containingZero(edge(first), edge(last + 1), symmetric)
  }

  /// The candidate with the smallest cost; of equal ones the wider.
  ///
  /// Both ends are shrunk together in 128 steps; then, where the range need not be symmetric, the upper
  /// end alone and the lower end alone. Ends alone come second, because beside a far outlier on the
  /// other side neither gains anything.
  private func best(
    within whole: Extremes, symmetric: Bool, cost: (Extremes) -> Double
  ) -> Extremes {
    let steps = 128
    func scaled(_ range: Extremes, low: Int?, high: Int?) -> Extremes {
      Extremes(
        low: low.map { whole.low * Float($0) / Float(steps) } ?? range.low,
        high: high.map { whole.high * Float($0) / Float(steps) } ?? range.high)
    }
    var result = whole
    func search(_ candidate: (Int) -> Extremes) {
      var (chosen, least) = (result, Double.infinity)
      for step in stride(from: steps, through: 1, by: -1) {
        let range = candidate(step)
        let value = cost(range)
        if value < least { (chosen, least) = (range, value) }
      }
      result = chosen
    }
    search { scaled(result, low: $0, high: $0) }
    if !symmetric && whole.low < 0 && whole.high > 0 {
      search { scaled(result, low: nil, high: $0) }
      search { scaled(result, low: $0, high: nil) }
    }
    return result
  }

  /// `Σ count·(x - grid(x))²` over the bins' middles, each with the spread `width²/12` of its values
  /// where the grid is finer than the bin.
  func squaredError(_ range: Extremes, bits: Int, symmetric: Bool) -> Double {
    let grid = Grid(covering: range.low, range.high, bits: bits, symmetric: symmetric)
    let (scale, zero) = (Double(grid.scale), Double(grid.zeroPoint))
    let (minimum, maximum) = (Double(grid.minimum), Double(grid.maximum))
    var sum = 0.0
    for bin in counts.indices where counts[bin] > 0 {
      let x = center(bin)
      let q = Swift.min(
        Swift.max((x / scale).rounded(.toNearestOrEven) + zero, minimum), maximum)
      let error = x - (q - zero) * scale
      sum += Double(counts[bin]) * error * error
    }
    return sum
  }

  /// `Σ p·log(p/q)`: `p` are the counts with those outside the range moved to its ends, `q` the same
  /// counts, without the moved ones, spread evenly over the bins that had any within each step of the
  /// grid.
  ///
  /// *Source:* Migacz, "8-bit inference with TensorRT", GTC 2017; generalized to ranges of two ends.
  func divergence(_ range: Extremes, bits: Int, symmetric: Bool) -> Double {
    let grid = Grid(covering: range.low, range.high, bits: bits, symmetric: symmetric)
    let levels = Int(grid.maximum - grid.minimum) + 1
    func level(_ bin: Int) -> Int { Int(grid.quantize(Float(center(bin))) - grid.minimum) }
    let inside = counts.indices.filter {
      center($0) >= Double(grid.low) && center($0) <= Double(grid.high)
    }
    guard let first = inside.first, let last = inside.last else { return .infinity }
    var p = counts[first...last].map { Double($0) }
    p[0] += counts[..<first].reduce(0) { $0 + Double($1) }
    p[p.count - 1] += counts[(last + 1)...].reduce(0) { $0 + Double($1) }
    var sums = [Double](repeating: 0, count: levels)
    var filled = [Double](repeating: 0, count: levels)
    for bin in first...last where counts[bin] > 0 {
      sums[level(bin)] += Double(counts[bin])
      filled[level(bin)] += 1
    }
    let kept = sums.reduce(0, +)
    guard kept > 0 else { return .infinity }
    let whole = p.reduce(0, +)
    // A bin that only clipped values fill has no place in `q`; it costs as if it held the least.
    let least = 1e-9
    var result = 0.0
    for (offset, count) in p.enumerated() where count > 0 {
      let bin = first + offset
      let share = counts[bin] > 0 ? sums[level(bin)] / filled[level(bin)] / kept : least
      result += count / whole * log(count / whole / share)
    }
    return result
  }
}
