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
