/// The width at which passes between convolutions run: one AVX-512 or two AVX2 registers.
///
/// `SIMD16`'s own `rounded`, `clamped` and `pointwiseMin` go lane by lane; these do not.
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

  /// Lane-wise minimum; where either is NaN, `self`.
  @inline(__always)
  package func lower(_ other: Lanes) -> Lanes { replacing(with: other, where: other .< self) }

  /// Lane-wise maximum; where either is NaN, `self`.
  @inline(__always)
  package func higher(_ other: Lanes) -> Lanes { replacing(with: other, where: other .> self) }

  /// To the nearest integer, ties to even, for |x| < 2²²: adding 1.5·2²³ pushes the fraction out.
  @inline(__always)
  package func roundedToEven() -> Lanes {
    let magic = Lanes(repeating: 0x1.8p23)
    return (self + magic) - magic
  }

  /// e^x to 2 units in the last place: 2^n · 2^f, |f| ≤ 1/2, 2^f by a polynomial of degree 6.
  ///
  /// Below -87 the result is that of -87, above 88 that of 88: enough for a sigmoid. NaN stays NaN.
  @inline(__always)
  package func exponential() -> Lanes {
    let x = self.lower(Lanes(repeating: 88)).higher(Lanes(repeating: -87))
    let magic = Lanes(repeating: 0x1.8p23)
    let shifted = x * Lanes(repeating: 1.442_695_04) + magic
    let n = shifted - magic
    // f·ln 2 in two steps, so that the difference of two near numbers keeps its bits.
    let f = x - n * Lanes(repeating: 0.693_359_375) + n * Lanes(repeating: 2.121_944_4e-4)
    var p = Lanes(repeating: 1.0 / 720)
    p = p * f + Lanes(repeating: 1.0 / 120)
    p = p * f + Lanes(repeating: 1.0 / 24)
    p = p * f + Lanes(repeating: 1.0 / 6)
    p = p * f + Lanes(repeating: 0.5)
    p = p * f + Lanes(repeating: 1)
    p = p * f + Lanes(repeating: 1)
    let exponent = unsafeBitCast(shifted, to: SIMD16<UInt32>.self) &<< 23
    return unsafeBitCast(unsafeBitCast(p, to: SIMD16<UInt32>.self) &+ exponent, to: Lanes.self)
  }
}
