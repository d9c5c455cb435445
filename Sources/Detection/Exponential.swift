/// eˣ in 16 lanes, with a relative error below 2·10⁻⁷; inputs are taken as within [-87, 88].
///
/// x = n·ln 2 + r with |r| ≤ ½ ln 2; eʳ is a polynomial of degree 6 and 2ⁿ goes into the exponent
/// bits. n comes from adding 1.5·2²³, which leaves the nearest integer in the low mantissa bits.
/// A NaN stays a NaN.
@inline(__always)
func exponential(_ x: SIMD16<Float>) -> SIMD16<Float> {
  var y = x
  y.replace(with: -87, where: y .< -87)
  y.replace(with: 88, where: y .> 88)
  let magic = SIMD16<Float>(repeating: 12_582_912)
  let shifted = y * 1.442_695_04 + magic
  let n = shifted - magic
  // ln 2 in two parts: the first has few bits, so n·part is exact.
  let r = (y - n * 0.693_359_375) + n * 2.121_944_4e-4
  var p = r * 1.388_888_9e-3 + 8.333_333_3e-3
  p = p * r + 4.166_666_6e-2
  p = p * r + 1.666_666_7e-1
  p = p * r + 0.5
  p = p * (r * r) + r + 1
  let exponent =
    unsafeBitCast(shifted, to: SIMD16<Int32>.self) &- unsafeBitCast(magic, to: SIMD16<Int32>.self)
  let scale = (exponent &+ 127) &<< 23
  return p * unsafeBitCast(scale, to: SIMD16<Float>.self)
}
