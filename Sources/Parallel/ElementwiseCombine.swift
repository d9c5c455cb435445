// The loops over elements. Plain pointers and one operation per element: the compiler vectorizes
// them, and an element's result does not depend on where in a vector it stands.

/// `a[i] += b[i]`
func addElements(_ a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, count: Int) {
  for i in 0..<count { a[i] = a[i] + b[i] }
}

/// `a[i] = max(a[i], b[i])`; a NaN in either gives NaN.
func maximizeElements(_ a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, count: Int) {
  for i in 0..<count {
    let (x, y) = (a[i], b[i])
    // If `y` is NaN the first comparison is false and `y` is kept.
    a[i] = x > y || x != x ? x : y
  }
}

/// Gives every NaN the bits of `Float.nan`.
///
/// Which payload and sign a sum of NaNs has is the compiler's choice of operand order; after this
/// it no longer matters.
func canonicalizeNaNs(_ a: UnsafeMutablePointer<Float>, count: Int) {
  for i in 0..<count {
    let x = a[i]
    a[i] = x != x ? Float.nan : x
  }
}
