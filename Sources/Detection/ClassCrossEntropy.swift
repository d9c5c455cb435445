import Foundation

/// Binary cross-entropy of logits against the target 0: Σ log(1 + exp(x)); returns the sum.
///
/// Writes `gradients[i] = scale · sigmoid(x[i])`. A target t then only adds −x·t to the sum and
/// −scale·t to the gradient, so the few anchors with a target are corrected afterwards.
///
/// log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|). The second terms of a block share one logarithm:
/// their factors lie in (1, 2], and 256 of them multiply without overflow in Double.
package func zeroTargetCrossEntropy(
  logits: UnsafePointer<Float>, gradients: UnsafeMutablePointer<Float>, count: Int, scale: Float
) -> Double {
  let blockLength = 1024
  var total = 0.0
  var start = 0
  while start < count {
    let end = min(start + blockLength, count)
    var positive = SIMD16<Float>(repeating: 0)
    var products = SIMD4<Double>(repeating: 1)
    var index = start
    while index + 16 <= end {
      let x = load16(logits + index)
      let (gradient, part, e) = sigmoidTerms(x)
      store16(gradient * scale, to: gradients + index)
      positive += part
      multiply(&products, byOnePlus: e)
      index += 16
    }
    if index < end {
      // Logits of −100 fill the rest: their terms are 0 in Float.
      var x = SIMD16<Float>(repeating: -100)
      for lane in 0..<(end - index) { x[lane] = logits[index + lane] }
      let (gradient, part, e) = sigmoidTerms(x)
      for lane in 0..<(end - index) { gradients[index + lane] = gradient[lane] * scale }
      positive += part
      multiply(&products, byOnePlus: e)
    }
    total += Double(laneSum(positive))
    total += log(products.x) + log(products.y) + log(products.z) + log(products.w)
    start = end
  }
  return total
}

/// (sigmoid(x), max(x, 0), e^−|x|).
@inline(__always)
private func sigmoidTerms(_ x: SIMD16<Float>) -> (
  sigmoid: SIMD16<Float>, positive: SIMD16<Float>, e: SIMD16<Float>
) {
  let negative = x .< 0
  var magnitude = x
  magnitude.replace(with: -x, where: negative)
  let e = exponential(-magnitude)
  var numerator = SIMD16<Float>(repeating: 1)
  numerator.replace(with: e, where: negative)
  var positive = x
  positive.replace(with: 0, where: negative)
  return (numerator / (1 + e), positive, e)
}

@inline(__always)
private func multiply(_ products: inout SIMD4<Double>, byOnePlus e: SIMD16<Float>) {
  for lane in stride(from: 0, to: 16, by: 4) {
    products.x *= 1 + Double(e[lane])
    products.y *= 1 + Double(e[lane + 1])
    products.z *= 1 + Double(e[lane + 2])
    products.w *= 1 + Double(e[lane + 3])
  }
}
