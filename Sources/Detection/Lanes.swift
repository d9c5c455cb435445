/// Sixteen floats at a time: one AVX-512 or two AVX2 registers.
///
/// `SIMD16`'s own `pointwiseMin` and `clamped` go lane by lane; these do not.
package typealias Lanes = SIMD16<Float>

/// The lesser lanes; where either is no number, `a`.
@inline(__always)
func lower(_ a: Lanes, _ b: Lanes) -> Lanes { a.replacing(with: b, where: b .< a) }

/// The greater lanes; where either is no number, `a`.
@inline(__always)
func higher(_ a: Lanes, _ b: Lanes) -> Lanes { a.replacing(with: b, where: b .> a) }

/// The angle of (w, h) against (0, 1), atan(w/h), for w ≥ 0 and h > 0: off by at most 3·10⁻⁷.
///
/// atan(t) = t·p(t²) for t in [0, 1], p of degree 8 fitted at Chebyshev points; an angle above 45° is
/// the rest of a right one.
@inline(__always)
package func arctangent(_ w: Lanes, over h: Lanes) -> Lanes {
  let t = lower(w, h) / higher(w, h)
  let u = t * t
  var p = u * 2.834_064_2e-3 - 1.600_503e-2
  p = p * u + 4.258_760_8e-2
  p = p * u - 7.495_445_8e-2
  p = p * u + 1.063_675_4e-1
  p = p * u - 1.420_257_1e-1
  p = p * u + 1.999_248_4e-1
  p = p * u - 3.333_306_6e-1
  p = p * u + 1
  let angle = p * t
  return angle.replacing(with: Lanes(repeating: .pi / 2) - angle, where: w .> h)
}

/// The sum of the lanes, added by halves.
@inline(__always)
func laneSum(_ x: SIMD16<Float>) -> Float {
  let a = x.lowHalf + x.highHalf
  let b = a.lowHalf + a.highHalf
  let c = b.lowHalf + b.highHalf
  return c.x + c.y
}

/// The greatest lane.
@inline(__always)
func laneMaximum(_ x: SIMD16<Float>) -> Float {
  var a = x.lowHalf
  a.replace(with: x.highHalf, where: x.highHalf .> a)
  var b = a.lowHalf
  b.replace(with: a.highHalf, where: a.highHalf .> b)
  var c = b.lowHalf
  c.replace(with: b.highHalf, where: b.highHalf .> c)
  return c.x > c.y ? c.x : c.y
}

/// Sixteen floats from any address.
@inline(__always)
func load16(_ source: UnsafePointer<Float>) -> SIMD16<Float> {
  UnsafeRawPointer(source).loadUnaligned(as: SIMD16<Float>.self)
}

/// Sixteen floats to any address.
@inline(__always)
func store16(_ x: SIMD16<Float>, to destination: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(destination).storeBytes(of: x, as: SIMD16<Float>.self)
}
