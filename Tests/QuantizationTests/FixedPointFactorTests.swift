import Quantization
import Testing

@Suite struct FixedPointFactorTests {
  @Test func `the multiplier and the power of two are the factor to 31 bits`() {
    for real in [1e-9, 0.0003, 0.25, 0.3, 0.5, 0.999_999_999_9, 1, 1.5, 3.7, 250] {
      let factor = FixedPointFactor(real)
      #expect(factor.multiplier >= 1 << 30)
      let back =
        Double(factor.multiplier) * Double(sign: .plus, exponent: factor.shift - 31, significand: 1)
      #expect(abs(back - real) <= real * 0x1p-31, "\(real)")
    }
    #expect(FixedPointFactor(0.5) == .init(multiplier: 1 << 30, shift: 0))
    #expect(FixedPointFactor(1e-12).multiply(.max) == 0)
  }

  @Test func `a product is rounded twice`() {
    // 3 · 1/4: the multiplier 2³⁰ gives round(3/2) = 2, and half of that, away from zero, is 1.
    #expect(FixedPointFactor(0.25).multiply(3) == 1)
    // 1 · 1/4: round(1/2) up is 1, round(1/2) away from zero is 1; rounding once gives 0.
    #expect(FixedPointFactor(0.25).multiply(1) == 1)
    #expect(FixedPointFactor(0.25).multiply(-1) == 0)
    #expect(FixedPointFactor(0.25).multiply(-3) == -1)
    #expect(FixedPointFactor(2).multiply(-7) == -14)
  }

  @Test func `halves are rounded as the integer kernels do`() {
    #expect(FixedPointFactor.highMultiply(.min, .min) == .max)
    #expect(FixedPointFactor.highMultiply(1 << 30, 1) == 1)
    #expect(FixedPointFactor.highMultiply(1 << 30, -1) == 0)
    #expect(FixedPointFactor.divide(5, byPowerOfTwo: 1) == 3)
    #expect(FixedPointFactor.divide(-5, byPowerOfTwo: 1) == -3)
    #expect(FixedPointFactor.divide(-4, byPowerOfTwo: 3) == -1)
    #expect(FixedPointFactor.divide(-3, byPowerOfTwo: 3) == 0)
    #expect(FixedPointFactor.divide(7, byPowerOfTwo: 0) == 7)
  }

  @Test func `it is off by at most one from the product rounded once`() {
    for real in [0.000_731, 0.0123, 0.49, 0.77, 1.3] {
      let factor = FixedPointFactor(real)
      for x in stride(from: Int32(-100_003), through: 100_003, by: 379) {
        let once = (Double(x) * real).rounded(.toNearestOrEven)
        #expect(abs(Double(factor.multiply(x)) - once) <= 1)
      }
    }
  }
}
