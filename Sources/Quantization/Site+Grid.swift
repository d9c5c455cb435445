public import Graphs

/// What the straight-through estimator needs to know of all values of a site to give the gradient of
/// its learned numbers: with `dy` the gradient behind the site,
/// `inside = Σ dy·(round(x/s) - x/s)` where `x` is not clamped, `above = Σ dy` where it is clamped to the
/// highest point of the grid, `below` where to the lowest.
public struct SiteSums: Hashable, Sendable {
  public var inside, above, below: Double

  public init(inside: Double = 0, above: Double = 0, below: Double = 0) {
    (self.inside, self.above, self.below) = (inside, above, below)
  }
}

extension Site {
  /// Steps from the lowest to the highest integer, `2^bits - 1`.
  private var levels: Int32 { Int32(1) << Int32(bits) - 1 }
  private var half: Int32 { Int32(1) << Int32(bits - 1) }

  /// The largest integer a positive value is rounded to, as LSQ's gradient scale wants it.
  public var positiveLevels: Int { Int(hasTwoEnds ? levels : half - 1) }

  /// The grid that covers `low ... high` and zero.
  public func grid(covering low: Float, _ high: Float) -> Grid {
    let grid = Grid(covering: low, high, bits: bits, symmetric: !hasTwoEnds)
    return symmetric && hasTwoEnds ? grid.withZeroPoint0 : grid
  }

  /// The grid that the learned numbers stand for; see `LearnedRange.Method`.
  ///
  /// - Shapes: `values` `[2]` where `hasTwoEnds`, else `[1]`.
  public func grid(learned method: LearnedRange.Method, _ values: UnsafePointer<Float>) -> Grid {
    switch method {
    case .lsq:
      let scale = values[0].atLeastNormal
      guard hasTwoEnds else {
        return Grid(scale: scale, zeroPoint: 0, minimum: -half, maximum: half - 1)
      }
      let steps = min(max(-(values[1] / scale).rounded(.toNearestOrEven), 0), Float(levels))
      let lowest = -Int32(steps.isNaN ? 0 : steps)
      return symmetric
        ? Grid(scale: scale, zeroPoint: 0, minimum: lowest, maximum: lowest + levels)
        : Grid(scale: scale, zeroPoint: -half - lowest, minimum: -half, maximum: half - 1)
    case .pact:
      let high = values[0].atLeastNormal
      guard hasTwoEnds else { return grid(covering: -high, high) }
      return grid(covering: values[1] < 0 && values[1].isFinite ? values[1] : 0, high)
    }
  }

  /// The learned numbers whose grid is `grid`.
  public func learnedValues(_ method: LearnedRange.Method, of grid: Grid) -> [Float] {
    let first = method == .lsq ? grid.scale : grid.high
    return hasTwoEnds ? [first, grid.low] : [first]
  }

  /// The gradient of the learned numbers.
  ///
  /// With `s` the scale, `l` the low end, `h` the high one, `x̂` the value behind the site:
  /// LSQ of one number `∂x̂/∂s` = round(x/s) - x/s inside, the end's integer outside; of two, `x̂ = l`
  /// below and `l + levels·s` above. PACT takes the grid inside for the identity: `∂x̂/∂h` = 1 above,
  /// and with one number the grid's lowest integer in units of its highest below.
  ///
  /// *Source:* as named at `LearnedRange.Method`.
  public func learnedGradient(_ method: LearnedRange.Method, _ sums: SiteSums) -> (Double, Double) {
    let (lowest, highest) = (-Double(half), Double(half - 1))
    return switch (method, hasTwoEnds) {
    case (.lsq, false): (sums.inside + highest * sums.above + lowest * sums.below, 0)
    case (.lsq, true): (sums.inside + Double(levels) * sums.above, sums.above + sums.below)
    case (.pact, false): (sums.above + lowest / highest * sums.below, 0)
    case (.pact, true): (sums.above, sums.below)
    }
  }
}

/// `1 / √(count · levels)`: with it a step moves a scale, in its own size, about as far as it moves the
/// weights in theirs.
///
/// - Parameter count: of the weights under a scale, or of a site's values in one picture.
///
/// *Source:* Esser et al. 2020, section 2.2.
public func scaleGradientFactor(count: Int, levels: Int) -> Float {
  1 / Float(max(count * levels, 1)).squareRoot()
}

extension Grid {
  /// The same real numbers under integers that are steps from zero.
  var withZeroPoint0: Grid {
    Grid(
      scale: scale, zeroPoint: 0, minimum: minimum - zeroPoint, maximum: maximum - zeroPoint)
  }
}

extension Float {
  /// Itself, or the smallest positive normal number where it is below that or NaN.
  fileprivate var atLeastNormal: Float {
    self >= .leastNormalMagnitude && isFinite ? self : .leastNormalMagnitude
  }
}
