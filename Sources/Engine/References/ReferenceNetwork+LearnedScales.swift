import Graphs
import Quantization
import Tensors

/// Learned scales the plain way. Given a base pass, both functions are what the straight-through
/// estimator takes rounding for around it: with `q₀` the integers of that pass and `r₀` its quotients,
/// `x̂ = x + s·(q₀ - r₀)` inside the grid and its end outside.
extension ReferenceNetwork {
  func learnedWeight(_ p: Int, _ scaleParameter: Int, bits: Int, straightThrough base: Trace?)
    -> [Double]
  {
    let scales = parameters[scaleParameter]
    let perChannel = parameters[p].count / scales.count
    let limit = Double((1 << (bits - 1)) - 1)
    let before = base?.parameters ?? parameters
    return parameters[p].indices.map { i in
      let o = i / perChannel
      // Grids are defined in FP32: the quotient decides which integer it is.
      let r = Float(before[p][i]) / Float(before[scaleParameter][o])
      let q = Double(r.rounded(.toNearestOrEven))
      if abs(q) > limit { return (q < 0 ? -limit : limit) * scales[o] }
      guard base != nil else { return q * scales[o] }
      return parameters[p][i] + scales[o] * (q - before[p][i] / before[scaleParameter][o])
    }
  }

  /// The grid of a site with learned numbers.
  func learnedGrid(_ site: Int, _ parameters: [[Double]]) -> Grid {
    let learned = graph.sites[site].learned!
    return parameters[learned.parameter].map { Float($0) }.withUnsafeBufferPointer {
      graph.sites[site].grid(learned: learned.method, $0.baseAddress!)
    }
  }

  func learnedSite(_ site: Int, _ x: [Double], _ base: (trace: Trace, node: Node)?) -> [Double] {
    guard let base else {
      let grid = learnedGrid(site, parameters)
      return x.map { Double(grid.fakeQuantize(Float($0))) }
    }
    let rules = graph.sites[site]
    let learned = rules.learned!
    let (now, then) = (parameters[learned.parameter], base.trace.parameters[learned.parameter])
    let grid = learnedGrid(site, base.trace.parameters)
    let (before, after) = (
      base.trace.values[base.node.inputs[0]], base.trace.values[base.node.output]
    )
    let lowest = Double(grid.minimum - grid.zeroPoint)
    let highest = Double(grid.maximum - grid.zeroPoint)
    return x.indices.map { i in
      if ReferenceArray.rounds(Float(before[i]), into: grid) {
        guard learned.method == .lsq else { return x[i] + (after[i] - before[i]) }
        return x[i] + now[0] * (after[i] - before[i]) / then[0]
      }
      let isAbove = Float(before[i]) > 0
      let change = zip(now, then).map { $0 - $1 }
      switch (learned.method, rules.hasTwoEnds) {
      case (.lsq, false): return after[i] + (isAbove ? highest : lowest) * change[0]
      case (.lsq, true):
        return after[i] + change[1] + (isAbove ? (highest - lowest) * change[0] : 0)
      case (.pact, false): return after[i] + (isAbove ? 1 : lowest / highest) * change[0]
      case (.pact, true): return after[i] + (isAbove ? change[0] : change[1])
      }
    }
  }
}
