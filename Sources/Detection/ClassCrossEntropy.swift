import Foundation

/// Binary cross-entropy of logits against the target 0: Σ log(1 + exp(x)); returns the sum.
///
/// Writes `gradients[i] = scale · sigmoid(x[i])`. A target t then only adds −x·t to the sum and
/// −scale·t to the gradient, so the few anchors with a target are corrected afterwards.
///
/// log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|). The second terms of a block of 256 share one logarithm:
/// their factors lie in (1, 2], and as many of them multiply without overflow in Double. A lane's
/// sixteen factors are multiplied in Float as 1 + q, of which q is kept: near 1 nothing gets lost.
package func zeroTargetCrossEntropy(
  logits: UnsafePointer<Float>, gradients: UnsafeMutablePointer<Float>, count: Int, scale: Float
) -> Double {
  let blockLength = 256
  var total = 0.0
  var start = 0
  while start < count {
    let end = min(start + blockLength, count)
    var positive = Lanes(repeating: 0)
    var q = Lanes(repeating: 0)
    var index = start
    while index + 16 <= end {
      let terms = SigmoidTerms(load16(logits + index))
      store16(terms.sigmoid * scale, to: gradients + index)
      positive += terms.positive
      q += terms.e + q * terms.e
      index += 16
    }
    if index < end {
      // Logits of −100 fill the rest: their terms are 0 in Float.
      var x = Lanes(repeating: -100)
      for lane in 0..<(end - index) { x[lane] = logits[index + lane] }
      let terms = SigmoidTerms(x)
      let gradient = terms.sigmoid * scale
      for lane in 0..<(end - index) { gradients[index + lane] = gradient[lane] }
      positive += terms.positive
      q += terms.e + q * terms.e
    }
    var product = SIMD4<Double>(repeating: 1)
    for lane in stride(from: 0, to: 16, by: 4) {
      product.x *= 1 + Double(q[lane])
      product.y *= 1 + Double(q[lane + 1])
      product.z *= 1 + Double(q[lane + 2])
      product.w *= 1 + Double(q[lane + 3])
    }
    total += Double(laneSum(positive)) + log(product.x * product.y * (product.z * product.w))
    start = end
  }
  return total
}

/// What cross-entropy takes from sixteen logits.
private struct SigmoidTerms {
  var sigmoid: Lanes
  /// max(x, 0).
  var positive: Lanes
  /// e^−|x|.
  var e: Lanes

  @inline(__always)
  init(_ x: Lanes) {
    let one = Lanes(repeating: 1)
    let isNegative = x .< 0
    e = exponential((-x).replacing(with: x, where: isNegative))
    sigmoid = one.replacing(with: e, where: isNegative) / (one + e)
    positive = x.replacing(with: 0, where: isNegative)
  }
}
