import Quantization

/// What happens to the values of a site in a pass.
enum SiteMode {
  /// Nothing: the float phase.
  case off
  /// Watch only, the extremes and perhaps how the values are distributed: calibration.
  case observe(SiteCounts?)
  /// Put values on the grid and watch.
  case quantize(GridLanes)

  var grid: GridLanes? {
    if case .quantize(let grid) = self { grid } else { nil }
  }
}

/// A grid in the form the loops use: the bounds in steps from zero, as real numbers.
struct GridLanes {
  var scale: Float
  var lowest: Float
  var highest: Float
  /// The smallest and the largest number that rounds onto the grid without being clamped.
  var smallest: Float
  var largest: Float

  init(_ grid: Grid) {
    scale = grid.scale
    lowest = Float(grid.minimum - grid.zeroPoint)
    highest = Float(grid.maximum - grid.zeroPoint)
    // Values round into the grid up to half a step beyond its ends; which is the last one depends on
    // how the division rounds. It never falls as its numerator grows, so a few steps find it.
    smallest = (lowest - 0.5) * scale
    while Self.steps(smallest, scale) >= lowest { smallest = smallest.nextDown }
    while Self.steps(smallest, scale) < lowest { smallest = smallest.nextUp }
    largest = (highest + 0.5) * scale
    while Self.steps(largest, scale) <= highest { largest = largest.nextUp }
    while Self.steps(largest, scale) > highest { largest = largest.nextDown }
  }

  private static func steps(_ x: Float, _ scale: Float) -> Float {
    (x / scale).rounded(.toNearestOrEven)
  }

  /// From the bytes that stand for points of this grid.
  var decoding: Decoding { Decoding(offset: lowest, scale: scale) }
}

/// A grid with its numbers in every lane, for use inside a loop over elements.
struct LaneGrid {
  private var scale, lowest, highest, smallest, largest: Lanes

  /// `nil` of no grid.
  init?(_ grid: GridLanes?) {
    guard let grid else { return nil }
    self.init(grid)
  }

  init(_ grid: GridLanes) {
    scale = Lanes(repeating: grid.scale)
    (lowest, highest) = (Lanes(repeating: grid.lowest), Lanes(repeating: grid.highest))
    (smallest, largest) = (Lanes(repeating: grid.smallest), Lanes(repeating: grid.largest))
  }

  /// The bits of `fakeQuantizeTile`.
  @inline(__always)
  func fakeQuantized(_ x: Lanes) -> Lanes { steps(x) * scale }

  /// Whole steps from zero.
  @inline(__always)
  func steps(_ x: Lanes) -> Lanes {
    (x / scale).lower(highest).higher(lowest).roundedToEven()
  }

  /// `gradient`, 0 where `value` was clamped.
  @inline(__always)
  func passing(_ gradient: Lanes, where value: Lanes) -> Lanes {
    gradient.onlyWhere(value, from: smallest, to: largest)
  }
}

/// The smallest and largest value seen.
struct Extremes {
  var low = Float.infinity
  var high = -Float.infinity
}

/// Takes the extremes of `tile` in. NaN is passed over.
func watch(_ tile: UnsafePointer<Float>, count: Int, _ extremes: inout Extremes) {
  var (low, high) = (Lanes(repeating: extremes.low), Lanes(repeating: extremes.high))
  var (low1, high1) = (low, high)
  var i = 0
  while i + 2 * Lanes.width <= count {
    let (a, b) = (Lanes(loading: tile + i), Lanes(loading: tile + i + 16))
    low = low.lower(a)
    high = high.higher(a)
    low1 = low1.lower(b)
    high1 = high1.higher(b)
    i += 2 * Lanes.width
  }
  extremes.low = low.lower(low1).min()
  extremes.high = high.higher(high1).max()
  while i < count {
    if tile[i] < extremes.low { extremes.low = tile[i] }
    if tile[i] > extremes.high { extremes.high = tile[i] }
    i += 1
  }
}

/// `tile = round(clamp(tile / scale)) - base`: steps from `base`.
///
/// - Parameter base: the grid's lowest point for bytes, 0 for steps from zero.
@inline(__always)
private func toSteps(
  _ tile: UnsafeMutablePointer<Float>, count: Int, _ grid: GridLanes, base: Float, scale: Float
) {
  let (s, low, high) = (
    Lanes(repeating: grid.scale), Lanes(repeating: grid.lowest), Lanes(repeating: grid.highest)
  )
  let (b, back) = (Lanes(repeating: base), Lanes(repeating: scale))
  forEachLanes(count) { i, n in
    let q = (Lanes(loading: tile + i, upTo: n) / s).lower(high).higher(low).roundedToEven()
    ((q - b) * back).store(tile + i, upTo: n)
  }
}

/// `tile` on the grid, as real numbers.
func fakeQuantizeTile(_ tile: UnsafeMutablePointer<Float>, count: Int, _ grid: GridLanes) {
  toSteps(tile, count: count, grid, base: 0, scale: grid.scale)
}

/// `tile` on the grid, as steps above its lowest point: what `ElementFormat.gridByte` holds.
func byteTile(_ tile: UnsafeMutablePointer<Float>, count: Int, _ grid: GridLanes) {
  toSteps(tile, count: count, grid, base: grid.lowest, scale: 1)
}

/// `gradient = 0` where `value` was clamped: it passes where the rounded value lay on the grid
/// (straight-through estimator).
func maskTile(
  _ gradient: UnsafeMutablePointer<Float>, _ value: UnsafePointer<Float>, count: Int,
  _ grid: GridLanes
) {
  let (low, high) = (Lanes(repeating: grid.smallest), Lanes(repeating: grid.largest))
  forEachLanes(count) { i, n in
    let v = Lanes(loading: value + i, upTo: n)
    let g = Lanes(loading: gradient + i, upTo: n)
    g.onlyWhere(v, from: low, to: high).store(gradient + i, upTo: n)
  }
}

extension SIMD16 where Scalar == Float {
  /// `self` where `low ≤ v ≤ high`, else 0; 0 where `v` is NaN.
  @inline(__always)
  func onlyWhere(_ v: Lanes, from low: Lanes, to high: Lanes) -> Lanes {
    Lanes.zero.replacing(with: self, where: (v .>= low) .& (v .<= high))
  }
}
