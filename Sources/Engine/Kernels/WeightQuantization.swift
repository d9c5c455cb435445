/// A weight on its symmetric per-channel grids: `out[o,…] = round(w / s[o])·s[o]`, `s[o] = max|w[o,…]| / limit`.
///
/// The same numbers as `WeightGrid.fakeQuantize`, without its memory. The gradient passes straight
/// through: no weight is ever outside a grid made from its own maximum.
/// - Shapes: `weight`, `out` `[O, count]`.
package func fakeQuantizeWeight(
  _ weight: UnsafePointer<Float>, O: Int, count: Int, limit: Float,
  out: UnsafeMutablePointer<Float>
) {
  for o in 0..<O {
    let w = weight + o * count
    var largest = Lanes(repeating: 0)
    var i = 0
    while i + Lanes.width <= count {
      let v = Lanes(loading: w + i)
      largest = largest.higher(v).higher(-v)
      i += Lanes.width
    }
    var maximum = largest.max()
    while i < count {
      maximum = max(maximum, abs(w[i]))
      i += 1
    }
    let ratio = maximum / limit
    let scale = ratio >= .leastNormalMagnitude ? ratio : 1
    let target = out + o * count
    let (s, top) = (Lanes(repeating: scale), Lanes(repeating: limit))
    i = 0
    while i + Lanes.width <= count {
      let q = (Lanes(loading: w + i) / s).roundedToEven().lower(top).higher(-top)
      (q * s).store(target + i)
      i += Lanes.width
    }
    while i < count {
      // As in the lanes, so that small negative numbers become 0 and not -0.
      let q = (w[i] / scale + 0x1.8p23) - 0x1.8p23
      target[i] = min(max(q, -limit), limit) * scale
      i += 1
    }
  }
}
