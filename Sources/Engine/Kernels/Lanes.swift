import CLanes

/// The width at which passes between convolutions run: one AVX-512 or two AVX2 registers.
///
/// `SIMD16`'s own `rounded`, `clamped`, `pointwiseMin` and conversions go lane by lane; these do not.
package typealias Lanes = SIMD16<Float>

extension SIMD16 where Scalar == Float {
  package static var width: Int { 16 }

  @inline(__always)
  package init(loading source: UnsafePointer<Float>) {
    self = UnsafeRawPointer(source).loadUnaligned(as: Lanes.self)
  }

  @inline(__always)
  package func store(_ destination: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(destination).storeBytes(of: self, as: Lanes.self)
  }

  /// The first `count` lanes from memory, zero in the others.
  @inline(__always)
  package init(loading source: UnsafePointer<Float>, count: Int) {
    var lanes = Lanes(repeating: 0)
    for i in 0..<count { lanes[i] = source[i] }
    self = lanes
  }

  @inline(__always)
  package func store(_ destination: UnsafeMutablePointer<Float>, count: Int) {
    for i in 0..<count { destination[i] = self[i] }
  }

  /// The first `count` lanes, all of them in one read where there are as many.
  @inline(__always)
  init(loading source: UnsafePointer<Float>, upTo count: Int) {
    self = count == Lanes.width ? Lanes(loading: source) : Lanes(loading: source, count: count)
  }

  @inline(__always)
  func store(_ destination: UnsafeMutablePointer<Float>, upTo count: Int) {
    if count == Lanes.width { store(destination) } else { store(destination, count: count) }
  }

  /// `sums[i] += self[i]` in Double.
  @inline(__always)
  func add(to sums: UnsafeMutablePointer<Double>, count: Int = Lanes.width) {
    for i in 0..<count { sums[i] += Double(self[i]) }
  }

  /// Lane-wise minimum; where either is NaN, `self`.
  @inline(__always)
  package func lower(_ other: Lanes) -> Lanes { replacing(with: other, where: other .< self) }

  /// Lane-wise maximum; where either is NaN, `self`.
  @inline(__always)
  package func higher(_ other: Lanes) -> Lanes { replacing(with: other, where: other .> self) }

  /// To the nearest integer, ties to even, for |x| < 2²²: adding 1.5·2²³ pushes the fraction out. What
  /// rounds to zero becomes +0, as an integer would.
  @inline(__always)
  package func roundedToEven() -> Lanes {
    let magic = Lanes(repeating: 0x1.8p23)
    return (self + magic) - magic
  }

  /// `self + a·b`, rounded once. `addingProduct` of `SIMD16` goes lane by lane in longer loops.
  @inline(__always)
  func adding(_ a: Lanes, times b: Lanes) -> Lanes { clanes_fma(a, b, self) }

  /// e^x to 3.1 units in the last place: 2^n · 2^f, |f| ≤ 1/2, 2^f by a polynomial of degree 6.
  ///
  /// Below -87 the result is that of -87, above 88 that of 88: enough for a sigmoid. NaN stays NaN.
  @inline(__always)
  package func exponential() -> Lanes {
    let x = self.lower(Lanes(repeating: 88)).higher(Lanes(repeating: -87))
    let magic = Lanes(repeating: 0x1.8p23)
    let shifted = magic.adding(x, times: Lanes(repeating: 1.442_695_04))
    let n = shifted - magic
    // f·ln 2 in two steps, so that the difference of two near numbers keeps its bits.
    let f = x.adding(n, times: Lanes(repeating: -0.693_359_375)).adding(
      n, times: Lanes(repeating: 2.121_944_4e-4))
    var p = Lanes(repeating: 1.0 / 120).adding(f, times: Lanes(repeating: 1.0 / 720))
    p = Lanes(repeating: 1.0 / 24).adding(f, times: p)
    p = Lanes(repeating: 1.0 / 6).adding(f, times: p)
    p = Lanes(repeating: 0.5).adding(f, times: p)
    p = Lanes(repeating: 1).adding(f, times: p)
    p = Lanes(repeating: 1).adding(f, times: p)
    let exponent = unsafeBitCast(shifted, to: SIMD16<UInt32>.self) &<< 23
    return unsafeBitCast(unsafeBitCast(p, to: SIMD16<UInt32>.self) &+ exponent, to: Lanes.self)
  }
}

/// Calls `body(first, count)` for sixteen elements after the other, and for what is left.
///
/// Inlined, so that in all calls but the last `count` is a constant and loads are one instruction.
@inline(__always)
func forEachLanes(_ count: Int, _ body: (Int, Int) -> Void) {
  var i = 0
  while i + Lanes.width <= count {
    body(i, Lanes.width)
    i += Lanes.width
  }
  if i < count { body(i, count - i) }
}
