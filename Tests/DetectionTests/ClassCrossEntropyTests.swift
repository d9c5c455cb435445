import Detection
import Foundation
import Testing

@Suite struct ClassCrossEntropyTests {
  @Test(arguments: [1, 15, 16, 17, 1023, 1024, 2600])
  func `sum and gradients agree with Double for any count`(count: Int) {
    var logits = GoldenFormula.signed(count: count, name: "classes", scale: 20)
    logits[0] = -120
    logits[count / 2] = 95
    var gradients = [Float](repeating: .nan, count: count)
    let sum = zeroTargetCrossEntropy(
      logits: logits, gradients: &gradients, count: count, scale: 0.5)
    var expected = 0.0
    for (x, gradient) in zip(logits.map(Double.init), gradients) {
      expected += max(x, 0) + log1p(exp(-abs(x)))
      #expect(abs(Double(gradient) - 0.5 / (1 + exp(-x))) < 1e-7)
    }
    // The positive parts are added in Float32 lanes of at most 64 numbers.
    #expect(abs(sum - expected) < 1e-6 * expected + 1e-6)
  }

  @Test func `infinite logits are not hidden`() {
    var gradients = [Float](repeating: 0, count: 2)
    let sum = zeroTargetCrossEntropy(
      logits: [Float.infinity, 0], gradients: &gradients, count: 2, scale: 1)
    #expect(sum == .infinity)
  }
}
