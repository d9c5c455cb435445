import CLanes
import Quantization

/// How two operands on grids become one in a target's integer arithmetic: `clamp(result)` in steps from the
/// zero point.
enum IntegerPair {
  /// `round(a·b·factor)`.
  case product(FixedPointLanes)
  case realProduct(Float)
  /// `round((a·2²⁰·first + b·2²⁰·second)·factor)`.
  case sum(first: FixedPointLanes, second: FixedPointLanes, FixedPointLanes)
  /// `round(a·first + b·second)`.
  case realSum(first: Float, second: Float)

  /// *Source:* LiteRT's `reference/integer_ops/mul.h`; onnxruntime's `QLinearMul`.
  static func product(
    _ a: GridLanes, _ b: GridLanes, onto y: GridLanes, _ arithmetic: IntegerArithmetic
  ) -> Self {
    guard arithmetic == .fixedPoint else { return .realProduct(a.scale * b.scale / y.scale) }
    return .product(
      FixedPointLanes(FixedPointFactor(Double(a.scale) * Double(b.scale) / Double(y.scale))))
  }

  /// In fixed point both addends are first scaled by 2²⁰ and half the larger scale.
  ///
  /// *Source:* LiteRT's `reference/integer_ops/add.h`; onnxruntime's `QLinearAdd`.
  static func sum(
    _ a: GridLanes, _ b: GridLanes, onto y: GridLanes, _ arithmetic: IntegerArithmetic
  ) -> Self {
    guard arithmetic == .fixedPoint else {
      return .realSum(first: a.scale / y.scale, second: b.scale / y.scale)
    }
    let twice = 2 * Double(max(a.scale, b.scale))
    func lanes(_ real: Double) -> FixedPointLanes { FixedPointLanes(FixedPointFactor(real)) }
    return .sum(
      first: lanes(Double(a.scale) / twice), second: lanes(Double(b.scale) / twice),
      lanes(twice / (Double(1 << 20) * Double(y.scale))))
  }

  /// `a = clamp(a ∘ b)`, all in steps from the zero points of their grids.
  func run(
    _ a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, count: Int, onto y: GridLanes
  ) {
    switch self {
    case .product(let factor):
      apply(a, b, count, y) {
        clanes_to_f32(factor.multiply(clanes_to_i32($0) &* clanes_to_i32($1)))
      }
    case .sum(let first, let second, let factor):
      apply(a, b, count, y) {
        let sum =
          first.multiply(clanes_to_i32($0) &<< 20) &+ second.multiply(clanes_to_i32($1) &<< 20)
        return clanes_to_f32(factor.multiply(sum))
      }
    // Clamped first: so large a number would not round, and the ends are whole.
    case .realProduct(let factor):
      let f = Lanes(repeating: factor)
      let (low, high) = (Lanes(repeating: y.lowest), Lanes(repeating: y.highest))
      apply(a, b, count, y) { ($0 * $1 * f).lower(high).higher(low).roundedToEven() }
    case .realSum(let first, let second):
      let (f, g) = (Lanes(repeating: first), Lanes(repeating: second))
      let (low, high) = (Lanes(repeating: y.lowest), Lanes(repeating: y.highest))
      apply(a, b, count, y) { ($0 * f + $1 * g).lower(high).higher(low).roundedToEven() }
    }
  }

  @inline(__always)
  private func apply(
    _ a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int, _ y: GridLanes,
    _ pair: (Lanes, Lanes) -> Lanes
  ) {
    let (low, high) = (Lanes(repeating: y.lowest), Lanes(repeating: y.highest))
    forEachLanes(count) { i, n in
      pair(Lanes(loading: a + i, upTo: n), Lanes(loading: b + i, upTo: n))
        .lower(high).higher(low).store(a + i, upTo: n)
    }
  }
}
