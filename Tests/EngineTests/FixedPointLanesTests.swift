import Engine
import Quantization
import Tensors
import Testing

@Suite struct FixedPointLanesTests {
  /// Sixteen at a time give the bits of one at a time: all magnitudes, both signs, ties of both roundings.
  @Test func `products are those of the scalar factor`() {
    var random = Philox(seed: 3)
    var reals = [0.5, 0.25, 1, 1.5, 3, 0x1p-31, 0x1p-33, 0x1p-12, 0.75 * 0x1p-9]
    reals += (0..<200).map { _ in Double(random.uniform(1, 2)) * 0x1p-20 * 3e5 }
    reals += (0..<200).map { Double(random.uniform(1, 2)) / Double(1 << ($0 % 24)) }
    for real in reals {
      let factor = FixedPointFactor(real)
      let lanes = FixedPointLanes(factor)
      // No sum of a layer is larger, and a shift to the left must fit 32 bits.
      let limit: Int32 = factor.shift > 0 ? 1 << 20 : 1 << 30
      for round in 0..<40 {
        var x = SIMD16<Int32>()
        for i in 0..<16 {
          let magnitude = Float(limit) / Float(1 << (round % 20))
          x[i] = Int32(random.uniform(-magnitude, magnitude))
          if i < 4 { x[i] = [0, 1, -1, limit][i] }
        }
        let y = lanes.multiply(x)
        for i in 0..<16 where y[i] != factor.multiply(x[i]) {
          Issue.record("\(x[i])·\(real): \(y[i]), expected \(factor.multiply(x[i]))")
          return
        }
      }
    }
  }
}
