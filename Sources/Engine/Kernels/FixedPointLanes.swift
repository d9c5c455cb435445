import CLanes
package import Quantization

/// Sixteen `FixedPointFactor`s: products with integers, rounded twice, the bits of `FixedPointFactor.multiply`.
package struct FixedPointLanes {
  private let multiplier, left, right: SIMD16<Int32>

  /// The same factor in every lane.
  package init(_ factor: FixedPointFactor) {
    let shifts = Shifts(factor)
    multiplier = SIMD16(repeating: factor.multiplier)
    (left, right) = (SIMD16(repeating: shifts.left), SIMD16(repeating: shifts.right))
  }

  /// Sixteen factors from memory.
  ///
  /// - Shapes: 16 each; shifts as `Shifts` has them.
  init(
    multiplier: UnsafePointer<Int32>, left: UnsafePointer<Int32>, right: UnsafePointer<Int32>
  ) {
    func load(_ p: UnsafePointer<Int32>) -> SIMD16<Int32> {
      UnsafeRawPointer(p).loadUnaligned(as: SIMD16<Int32>.self)
    }
    (self.multiplier, self.left, self.right) = (load(multiplier), load(left), load(right))
  }

  @inline(__always)
  package func multiply(_ x: SIMD16<Int32>) -> SIMD16<Int32> {
    clanes_fixed_products(x, multiplier, left, right)
  }

  /// A factor's power of two as a shift to the left before the product and one to the right behind it.
  struct Shifts {
    var left, right: Int32

    init(_ factor: FixedPointFactor) {
      // As `FixedPointFactor.multiply` shifts: beyond 31 places nothing sensible is left anyway.
      left = Int32(max(factor.shift, 0) & 31)
      right = Int32(max(-factor.shift, 0))
    }
  }
}

/// How two operands on grids become one, in integers alone: `clamp(result)` in steps from the zero point.
enum FixedPointPair {
  /// `a·b·factor`.
  case product(FixedPointLanes)
  /// `(a·2²⁰·first + b·2²⁰·second)·factor`.
  case sum(first: FixedPointLanes, second: FixedPointLanes, FixedPointLanes)

  /// *Source:* LiteRT's `reference/integer_ops/mul.h`.
  static func product(_ a: GridLanes, _ b: GridLanes, onto y: GridLanes) -> Self {
    .product(
      FixedPointLanes(FixedPointFactor(Double(a.scale) * Double(b.scale) / Double(y.scale))))
  }

  /// Both addends are first scaled by 2²⁰ and half the larger scale.
  ///
  /// *Source:* LiteRT's `reference/integer_ops/add.h`.
  static func sum(_ a: GridLanes, _ b: GridLanes, onto y: GridLanes) -> Self {
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
      apply(a, b, count, y) { factor.multiply($0 &* $1) }
    case .sum(let first, let second, let factor):
      apply(a, b, count, y) {
        factor.multiply(first.multiply($0 &<< 20) &+ second.multiply($1 &<< 20))
      }
    }
  }

  @inline(__always)
  private func apply(
    _ a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int, _ y: GridLanes,
    _ pair: (SIMD16<Int32>, SIMD16<Int32>) -> SIMD16<Int32>
  ) {
    let (low, high) = (Lanes(repeating: y.lowest), Lanes(repeating: y.highest))
    forEachLanes(count) { i, n in
      let q = pair(
        clanes_to_i32(Lanes(loading: a + i, upTo: n)), clanes_to_i32(Lanes(loading: b + i, upTo: n))
      )
      clanes_to_f32(q).lower(high).higher(low).store(a + i, upTo: n)
    }
  }
}
