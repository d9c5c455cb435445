import CLanes

/// A weight on its symmetric per-channel grids: `q[o,…] = round(w / s[o])`, `s[o] = max|w[o,…]| / limit`.
///
/// The same numbers as `WeightGrid`, without its memory. The gradient passes straight through: no
/// weight is ever outside a grid made from its own maximum.
/// - Shapes: `weight` `[O, count]`; of the same shape, each if wanted, `real` gets `q·s` and `integers`
///   `q`; `scales` `[O]`.
package func quantizeWeight(
  _ weight: UnsafePointer<Float>, O: Int, count: Int, limit: Float,
  real: UnsafeMutablePointer<Float>?, integers: UnsafeMutablePointer<Int8>?,
  scales: UnsafeMutablePointer<Float>?
) {
  for o in 0..<O {
    let w = weight + o * count
    let scale = weightScale(w, count: count, limit: limit)
    scales?[o] = scale
    let (s, top) = (Lanes(repeating: scale), Lanes(repeating: limit))
    forEachLanes(count) { i, n in
      let q = (Lanes(loading: w + i, upTo: n) / s).roundedToEven().lower(top).higher(-top)
      if let real { (q * s).store(real + o * count + i, upTo: n) }
      if let integers { q.store(integers + o * count + i, upTo: n) }
    }
  }
}

private func weightScale(_ w: UnsafePointer<Float>, count: Int, limit: Float) -> Float {
  var (highest, lowest) = (Lanes.zero, Lanes.zero)
  forEachLanes(count) { i, n in
    let v = Lanes(loading: w + i, upTo: n)
    highest = highest.higher(v)
    lowest = lowest.lower(v)
  }
  let ratio = max(highest.max(), -lowest.min()) / limit
  return ratio >= .leastNormalMagnitude ? ratio : 1
}

extension SIMD16 where Scalar == Float {
  /// Whole numbers of at most 7 bits and a sign.
  @inline(__always)
  func store(_ destination: UnsafeMutablePointer<Int8>, upTo count: Int) {
    if count == Lanes.width {
      clanes_store_i8(self, destination)
    } else {
      // Through a whole vector, so that the end of a row has the bits of its middle, of NaN too.
      withUnsafeTemporaryAllocation(of: Int8.self, capacity: Lanes.width) { room in
        guard let base = room.baseAddress else { return }
        clanes_store_i8(self, base)
        destination.update(from: base, count: count)
      }
    }
  }
}
