/// A positive real factor as integer runtimes multiply by it: `multiplier · 2^(shift - 31)`, the
/// multiplier from 2³⁰ up to 2³¹.
///
/// Multiplying rounds twice: first the product with the multiplier to its upper 32 bits (halves up),
/// then the division by the power of two (halves away from zero). Integers are therefore not always
/// those of rounding the real product once.
///
/// *Source:* LiteRT's integer kernels, `MultiplyByQuantizedMultiplier`; Jacob et al. 2018, section 2.2.
@frozen
public struct FixedPointFactor: Hashable, Sendable, BitwiseCopyable {
  public var multiplier: Int32
  public var shift: Int

  public init(multiplier: Int32, shift: Int) {
    self.multiplier = multiplier
    self.shift = shift
  }

  /// - Parameter real: positive and finite. Below 2⁻³² it is taken for 0.
  public init(_ real: Double) {
    precondition(real > 0 && real.isFinite, "factor \(real)")
    // real = fraction · 2^exponent, the fraction from 1/2 up to 1.
    let exponent = Int(real.exponent) + 1
    let fraction = real.significand / 2
    var fixed = Int64((fraction * 0x1p31).rounded(.toNearestOrAwayFromZero))
    shift = exponent
    if fixed == 1 << 31 {
      fixed /= 2
      shift += 1
    }
    if shift < -31 {
      fixed = 0
      shift = 0
    }
    multiplier = Int32(fixed)
  }

  /// `x` times the factor, rounded twice.
  @inlinable
  public func multiply(_ x: Int32) -> Int32 {
    let high = Self.highMultiply(x &<< Int32(max(shift, 0)), multiplier)
    return Self.divide(high, byPowerOfTwo: max(-shift, 0))
  }

  /// `round(2·a·b / 2³²)`, halves up; the one product that does not fit saturates.
  @inlinable
  public static func highMultiply(_ a: Int32, _ b: Int32) -> Int32 {
    if a == .min && b == .min { return .max }
    let product = Int64(a) * Int64(b)
    let nudge: Int64 = product >= 0 ? 1 << 30 : 1 - (1 << 30)
    return Int32((product + nudge) / (1 << 31))
  }

  /// `round(x / 2^exponent)`, halves away from zero.
  @inlinable
  public static func divide(_ x: Int32, byPowerOfTwo exponent: Int) -> Int32 {
    let mask = Int32(truncatingIfNeeded: (Int64(1) << Int64(exponent)) - 1)
    let threshold = (mask >> 1) + (x < 0 ? 1 : 0)
    return (x >> Int32(exponent)) + ((x & mask) > threshold ? 1 : 0)
  }
}
