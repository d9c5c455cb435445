import Quantization
import Tensors
import Testing

@Suite struct WeightClippingTests {
  private func weight(seed: UInt64) -> Tensor {
    var random = Philox(seed: seed)
    // Sums of uniform numbers: long tails, which coarse grids had better cut.
    let values = (0..<12 * 90).map { _ in
      (0..<6).reduce(Float(0)) { sum, _ in sum + random.uniform(-0.5, 0.5) }
    }
    return Tensor(values, shape: [12, 10, 3, 3])
  }

  private func errors(_ weight: Tensor, against original: Tensor, bits: Int) -> [Double] {
    let q = WeightGrid(weight, bits: bits).fakeQuantize(weight).values(as: Float.self)
    let w = original.values(as: Float.self)
    return (0..<12).map { o in
      (o * 90..<(o + 1) * 90).reduce(0.0) { $0 + Double((q[$1] - w[$1]) * (q[$1] - w[$1])) }
    }
  }

  @Test(arguments: [2, 3, 4, 8])
  func `a clipped weight's grid makes no larger error, a coarse one a much smaller`(bits: Int) {
    let original = weight(seed: 7)
    let clipped = WeightGrid.clippedForLeastError(original, bits: bits)
    let (before, after) = (
      errors(original, against: original, bits: bits),
      errors(clipped, against: original, bits: bits)
    )
    for (x, y) in zip(before, after) { #expect(y <= x * (1 + 1e-5)) }
    if bits <= 4 { #expect(after.reduce(0, +) < 0.9 * before.reduce(0, +)) }
  }

  @Test func `zeros stay zeros`() {
    let zeros = Tensor(shape: [2, 3])
    #expect(
      WeightGrid.clippedForLeastError(zeros, bits: 4).values(as: Float.self)
        == zeros.values(as: Float.self))
  }
}
