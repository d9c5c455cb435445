/// One step of SGD with Nesterov momentum.
///
/// `g' = scale · g + λ p`, `v ← μ v + g'`, `p ← p − η (g' + μ v)`.
///
/// Element by element, so any split of the vector gives the same bits.
///
/// - Shapes: `p`, `g`, `v` hold `count` elements and do not overlap.
/// - Source: Sutskever et al., "On the importance of initialization and momentum in deep learning",
///   ICML 2013, in the form that PyTorch's `SGD(nesterov=True)` documents.
public func sgdStep(
  parameters p: UnsafeMutablePointer<Float>, gradients g: UnsafePointer<Float>,
  velocities v: UnsafeMutablePointer<Float>, count: Int, rates: GroupRates, gradientScale: Float
) {
  let eta = Float(rates.learningRate)
  let mu = Float(rates.momentum)
  let lambda = Float(rates.weightDecay)
  for i in 0..<count {
    let old = p[i]
    let slope = gradientScale * g[i] + lambda * old
    let velocity = mu * v[i] + slope
    v[i] = velocity
    p[i] = old - eta * (slope + mu * velocity)
  }
}
