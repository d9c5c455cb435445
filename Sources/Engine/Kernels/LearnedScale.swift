import Quantization

/// Kernels of learned scales: what a site's values and a weight's add to the gradient of their scale.
///
/// *Source:* Esser et al., "Learned Step Size Quantization", ICLR 2020, equation 3; the reference is
/// `ReferenceNetwork`'s straight-through function.

/// `sums += (Σ dy·(round(v/s) - v/s) inside the grid, Σ dy above it, Σ dy below it)` over one tile.
///
/// Inside, above and below as the gradient's mask has them. Lanes are added up in FP32 over the tile,
/// tiles in Double: the size of a tile follows from the number of channels alone, so the bits do not
/// depend on who computes it.
/// - Shapes: `values` `[rowCount, C]` without gaps, `gradient` the same with rows `stride` apart;
///   `sums` inside, above, below.
func addSiteSums(
  _ values: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, stride: Int, rowCount: Int,
  C: Int, _ grid: GridLanes, to sums: UnsafeMutablePointer<Double>
) {
  addSiteSums(gradient, stride: stride, rowCount: rowCount, C: C, grid, to: sums) { i, n in
    Lanes(loading: values + i, upTo: n)
  }
}

/// The same for values that `value` gives: those from element `i` of `[rowCount, C]` on, `n` of them.
@inline(__always)
func addSiteSums(
  _ gradient: UnsafePointer<Float>, stride: Int, rowCount: Int, C: Int, _ grid: GridLanes,
  to sums: UnsafeMutablePointer<Double>, _ value: (_ i: Int, _ n: Int) -> Lanes
) {
  let scale = Lanes(repeating: grid.scale)
  let (low, high) = (Lanes(repeating: grid.smallest), Lanes(repeating: grid.largest))
  var (inside, above, below) = (Lanes.zero, Lanes.zero, Lanes.zero)
  let isDense = stride == C
  for row in 0..<(isDense ? 1 : rowCount) {
    let dy = gradient + row * stride
    forEachLanes(isDense ? rowCount * C : C) { i, n in
      let x = value(row * C + i, n)
      let g = Lanes(loading: dy + i, upTo: n)
      let r = x / scale
      inside += ((r.roundedToEven() - r) * g).onlyWhere(x, from: low, to: high)
      above += Lanes.zero.replacing(with: g, where: x .> high)
      below += Lanes.zero.replacing(with: g, where: x .< low)
    }
  }
  for lane in 0..<Lanes.width {
    sums[0] += Double(inside[lane])
    sums[1] += Double(above[lane])
    sums[2] += Double(below[lane])
  }
}

/// A weight on given grids: `q[o,…] = clamp(round(w / s[o]))`, the numbers of `WeightGrid(scales:bits:)`.
///
/// - Shapes: as of `quantizeWeight`; `learned` and `scales` `[O]`, the latter get what was used.
package func quantizeWeight(
  _ weight: UnsafePointer<Float>, learned: UnsafePointer<Float>, O: Int, count: Int, limit: Float,
  real: UnsafeMutablePointer<Float>?, integers: UnsafeMutablePointer<Int8>?,
  scales: UnsafeMutablePointer<Float>?
) {
  let top = Lanes(repeating: limit)
  for o in 0..<O {
    let w = weight + o * count
    let scale = usable(learned[o])
    scales?[o] = scale
    let s = Lanes(repeating: scale)
    forEachLanes(count) { i, n in
      let q = (Lanes(loading: w + i, upTo: n) / s).roundedToEven().lower(top).higher(-top)
      if let real { (q * s).store(real + o * count + i, upTo: n) }
      if let integers { q.store(integers + o * count + i, upTo: n) }
    }
  }
}

/// The backward pass of `quantizeWeight(_:learned:…)`: from the gradient of the weight on its grid the
/// gradients of weight and scale.
///
/// `dW ← dW·[|round(w/s)| ≤ limit]`, `dS[o] = factor·Σ dW·(round(w/s) - w/s)` inside and
/// `± limit` outside; a channel's sum in Lanes, which are then added in Double.
/// - Shapes: `weight`, `dW` `[O, count]`; `learned`, `dS` `[O]`.
package func weightScaleGradient(
  _ weight: UnsafePointer<Float>, learned: UnsafePointer<Float>, O: Int, count: Int, limit: Float,
  factor: Float, dW: UnsafeMutablePointer<Float>, dS: UnsafeMutablePointer<Float>
) {
  let top = Lanes(repeating: limit)
  for o in 0..<O {
    let (w, g) = (weight + o * count, dW + o * count)
    let s = Lanes(repeating: usable(learned[o]))
    var sum = Lanes.zero
    forEachLanes(count) { i, n in
      let gradient = Lanes(loading: g + i, upTo: n)
      let r = Lanes(loading: w + i, upTo: n) / s
      let q = r.roundedToEven()
      let clamped = q.lower(top).higher(-top)
      let isInside = q .== clamped
      sum += gradient * clamped.replacing(with: q - r, where: isInside)
      Lanes.zero.replacing(with: gradient, where: isInside).store(g + i, upTo: n)
    }
    var total = 0.0
    for lane in 0..<Lanes.width { total += Double(sum[lane]) }
    dS[o] = Float(total) * factor
  }
}

/// As `WeightGrid(scales:bits:)` takes a scale.
@inline(__always)
private func usable(_ scale: Float) -> Float {
  scale >= .leastNormalMagnitude && scale.isFinite ? scale : 1
}
