/// Moves learned scales and ends of ranges by an optimizer's changes, by at most a factor of two either
/// way: they keep their signs, and a 0, the low end of a range without negative numbers, stays 0.
///
/// `p ← p + c`, or `p ← p + |p|·c` where `isRelative`: Adam's changes are of the size of the rate whatever
/// a parameter's size is, and scales lie orders of magnitude apart. SGD's follow the gradient, which
/// carries the factor that makes them fit (`scaleGradientFactor`).
///
/// - Shapes: `p`, `c` hold `count` elements.
func quantizerStep(
  _ p: UnsafeMutablePointer<Float>, changes c: UnsafePointer<Float>, count: Int, isRelative: Bool
) {
  for i in 0..<count {
    let old = p[i]
    let size = abs(old)
    let moved = old + (isRelative ? size * c[i] : c[i])
    let (low, high) = (old - size / (old < 0 ? 1 : 2), old + size / (old < 0 ? 2 : 1))
    p[i] = moved < low ? low : moved > high ? high : moved
  }
}
