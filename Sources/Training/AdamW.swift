#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One step of Adam with decoupled weight decay; `t`, from 1, counts the steps.
///
/// `p ← (1 − η λ) p`, `m ← m + (1 − β₁)(g − m)`, `s ← β₂ s + (1 − β₂) g²`,
/// `p ← p − η / (1 − β₁ᵗ) · m / (√s / √(1 − β₂ᵗ) + ε)`, with `g` scaled first and `β₁` the momentum of
/// `rates`. The corrections are computed in Double. Element by element, so any split of the vector
/// gives the same bits.
///
/// - Shapes: `p`, `g`, `m`, `s` hold `count` elements and do not overlap.
/// - Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2
///   with the learning rate inside the decay, as in PyTorch's `AdamW`.
public func adamWStep(
  parameters p: UnsafeMutablePointer<Float>, gradients g: UnsafePointer<Float>,
  firstMoments m: UnsafeMutablePointer<Float>, secondMoments s: UnsafeMutablePointer<Float>,
  count: Int, step t: Int, rates: GroupRates, beta2: Double, epsilon: Double, gradientScale: Float
) {
  precondition(t >= 1, "step \(t)")
  let keep = Float(1 - rates.learningRate * rates.weightDecay)
  let share1 = Float(1 - rates.momentum)
  let (b2, share2) = (Float(beta2), Float(1 - beta2))
  let size = Float(rates.learningRate / (1 - pow(rates.momentum, Double(t))))
  let correction = Float((1 - pow(beta2, Double(t))).squareRoot())
  let eps = Float(epsilon)
  for i in 0..<count {
    let slope = gradientScale * g[i]
    let first = m[i] + share1 * (slope - m[i])
    let second = b2 * s[i] + share2 * (slope * slope)
    m[i] = first
    s[i] = second
  }
  for i in 0..<count {
    p[i] = keep * p[i] - size * (m[i] / (root(s[i]) / correction + eps))
  }
}

/// `√x` for x ≥ 0 to about one unit in the last place; exact for 0.
///
/// `Float.squareRoot()` calls the C library for negative numbers, which keeps the loop above from
/// becoming vectors. Multiplications alone do not: three of Newton's steps for `1/√x` from a start
/// that halves the exponent (3.4 % → 0.17 % → 5·10⁻⁶ → below a Float's precision).
@inline(__always)
private func root(_ x: Float) -> Float {
  var y = Float(bitPattern: 0x5F37_59DF &- (x.bitPattern &>> 1))
  let half = 0.5 * x
  y *= 1.5 - half * y * y
  y *= 1.5 - half * y * y
  y *= 1.5 - half * y * y
  return x * y
}
