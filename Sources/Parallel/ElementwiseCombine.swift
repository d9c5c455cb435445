// The loops over elements, sixteen at a time. An element's result does not depend on where in a
// vector it stands, and `out` may be `a` or `b`.

private typealias Lanes = SIMD16<Float>

@inline(__always)
private func load(_ p: UnsafePointer<Float>, _ i: Int) -> Lanes {
  UnsafeRawPointer(p + i).loadUnaligned(as: Lanes.self)
}

@inline(__always)
private func store(_ value: Lanes, _ p: UnsafeMutablePointer<Float>, _ i: Int) {
  UnsafeMutableRawPointer(p + i).storeBytes(of: value, as: Lanes.self)
}

/// `out[i] = a[i] + b[i]`
func addElements(
  _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>,
  count: Int
) {
  var i = 0
  while i &+ 16 <= count {
    store(load(a, i) + load(b, i), out, i)
    i &+= 16
  }
  while i < count {
    out[i] = a[i] + b[i]
    i &+= 1
  }
}

/// `out[i] = max(a[i], b[i])`; a NaN in either gives NaN, and of equal ones it is `b`'s.
func maximizeElements(
  _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>,
  count: Int
) {
  for i in 0..<count {
    let (x, y) = (a[i], b[i])
    // If `y` is NaN the first comparison is false and `y` is kept.
    out[i] = x > y || x != x ? x : y
  }
}

/// Gives every NaN the bits of `Float.nan`.
///
/// Which payload and sign a sum of NaNs has is the compiler's choice of operand order; after this
/// it no longer matters.
func canonicalizeNaNs(_ a: UnsafeMutablePointer<Float>, count: Int) {
  let nan = Lanes(repeating: .nan)
  var i = 0
  while i &+ 16 <= count {
    let x = load(a, i)
    store(x.replacing(with: nan, where: x .!= x), a, i)
    i &+= 16
  }
  while i < count {
    let x = a[i]
    a[i] = x != x ? Float.nan : x
    i &+= 1
  }
}

/// The vector that is reduced: so many sums, then maxima.
struct ReducedVector {
  var sumCount: Int
  var maximumCount: Int

  var count: Int { sumCount + maximumCount }

  /// `out = a + b`, or their maximum, for the elements `range`; all three point to the first of them.
  @inline(__always)
  func combine(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>,
    _ range: Range<Int>
  ) {
    let sums = max(0, min(range.upperBound, sumCount) - range.lowerBound)
    addElements(a, b, into: out, count: sums)
    if range.count > sums {
      maximizeElements(a + sums, b + sums, into: out + sums, count: range.count - sums)
    }
  }
}
