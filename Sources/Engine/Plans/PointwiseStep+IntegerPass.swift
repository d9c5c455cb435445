import Quantization

extension PointwiseStep {
  /// Whether a pass can be computed in integers: it begins with the sums of a convolution on integers
  /// or with bytes of a grid, and every operation in it ends on a grid.
  static func canBeIntegers(
    _ kernel: Pointwise, norm: Norm?, sites: Sites, x: Operand, residual: Operand?
  ) -> Bool {
    let isSplit = sites.gateInput != nil || sites.gate != nil
    if isSplit, sites.gate == nil || sites.inner == nil { return false }
    if let residual {
      guard residual.rows.format == .gridByte, sites.outer != nil else { return false }
    }
    if x.unit != nil {
      if isSplit { return sites.gateInput != nil }
      guard sites.inner != nil else { return false }
      switch kernel.function {
      case .identity, .relu, .relu6: return true
      case .sigmoid, .silu: return false
      }
    }
    guard x.rows.format == .gridByte, norm == nil, sites.gateInput == nil else { return false }
    return isSplit || kernel.function == .identity && sites.inner == nil && residual != nil
  }

  /// The pass in the target's integers; `nil` where there are none: no grids now, numbers that are not finite,
  /// or a ReLU that ends inside the grid, which FP32 runtimes compute as a function of its own.
  func integerPass(_ state: PlanState) -> Pointwise.IntegerPass? {
    guard arithmetic != .floatEpilogue, state.quantizationMode == .quantize, !state.isPartial else {
      return nil
    }
    var result: Pointwise.IntegerPass
    if let unit = x.unit, let sums = integerSums {
      let site = sites.gateInput ?? sites.inner!
      let grid = state.grid(at: site)
      guard sums.set(gain: gain, shift: storedShift, unit: unit, outputScale: grid.scale) else {
        return nil
      }
      result = .init(sums: sums, grid: grid, low: grid.lowest, high: grid.highest)
      if kernel.function == .relu || kernel.function == .relu6 { result.low = max(result.low, 0) }
      if kernel.function == .relu6 {
        let six = (6 / grid.scale).rounded(
          arithmetic == .fixedPoint ? .toNearestOrAwayFromZero : .toNearestOrEven)
        result.high = min(result.high, six)
      }
      if arithmetic == .floatFactor, result.low > grid.lowest || result.high < grid.highest {
        return nil
      }
    } else {
      let grid = state.grid(at: x.site!)
      result = .init(sums: nil, grid: grid, low: grid.lowest, high: grid.highest)
    }
    var last = result.grid
    if let site = sites.gate {
      let (gate, to) = (state.grid(at: site), state.grid(at: sites.inner!))
      result.gate = (gate, .product(last, gate, onto: to, arithmetic), to)
      last = to
    }
    if let residual, let outer = sites.outer {
      let (other, to) = (state.grid(at: residual.site!), state.grid(at: outer))
      result.residual = (
        other,
        kernel.multiplies
          ? .product(last, other, onto: to, arithmetic) : .sum(last, other, onto: to, arithmetic),
        to
      )
    }
    return result
  }
}
