import Engine
import Glibc

/// Rounds the weights of a layer up or down so that its output changes the least, not the weights
/// themselves.
///
/// Of one output channel, with `w` its weights, `ŵ = s·clamp(⌊w/s⌋ + h)` and `d = ŵ - w`, the expected
/// squared error of the output is `E = d·G·dᵀ - 2·d·r` and a constant: `G = mean(x·xᵀ)` of the inputs the
/// quantized layer sees, `r = mean((y - w·x)·xᵀ)` what the float layer's output `y` differs from it by.
/// So the whole calibration set is in two matrices, and every step descends on its exact error.
///
/// `h` is a rectified sigmoid of free numbers `V`, `h = clamp(1.2·σ(V) - 0.1, 0, 1)`. Adam minimizes
/// `E/E₀ + λ/K·Σ(1 - |2h - 1|^β)`, `E₀` the error of rounding to the nearest; β falls from 20 to 2 and so
/// drives `h` to 0 or 1, but only after a first fifth of the steps. What is left is rounded, and then
/// single weights are turned over as long as that lowers `E`.
///
/// *Source:* Nagel et al. 2020, "Up or Down? Adaptive Rounding for Post-Training Quantization",
/// equations 21 to 25. Theirs samples rows of `x`; here `G` and `r` hold all of them.
package struct AdaptiveRounding {
  package var stepCount = 500
  package var learningRate: Float = 0.05
  /// λ: how much all of a channel's undecided weights cost together, against the error of rounding to
  /// the nearest.
  package var regularization: Float = 3
  /// The ends of the grid that are tried, as parts of the largest weight.
  package var ends: [Float] = stride(from: 1, through: 0.4, by: -0.05).map { Float($0) }

  /// What the inputs of a layer are like: `G = mean(x·xᵀ)`, `[K, K]`.
  package struct Moments {
    var products: [Float]
    var K: Int

    /// - Shapes: `x` `[m, K]`.
    package init(_ x: [Float], K: Int) {
      self.K = K
      products = [Float](repeating: 0, count: K * K)
      let m = x.count / K
      multiplyMatrices(x, x, transposesA: true, into: &products, M: K, N: K, K: m)
      for i in products.indices { products[i] /= Float(m) }
    }
  }

  /// What some output channels should give, against what their float weights give.
  package struct Target {
    /// `r = mean((y - w·x)·xᵀ)`, `[R, K]`.
    var residual: [Float]
    /// By row, `mean((y - w·x)²)`.
    var squared: [Double]

    /// - Shapes: `w` `[R, K]`, `x` `[m, K]`, `y` `[m, O]`.
    /// - Parameter rows: which of the `O` channels the weights are of.
    package init(_ w: [Float], _ x: [Float], _ y: [Float], _ rows: Range<Int>, K: Int, O: Int) {
      let (R, m) = (rows.count, x.count / K)
      var e = [Float](repeating: 0, count: m * R)
      multiplyMatrices(x, w, transposesB: true, into: &e, M: m, N: R, K: K)
      squared = [Double](repeating: 0, count: R)
      for row in 0..<m {
        for o in 0..<R {
          let error = y[row * O + rows.lowerBound + o] - e[row * R + o]
          e[row * R + o] = error
          squared[o] += Double(error) * Double(error) / Double(m)
        }
      }
      residual = [Float](repeating: 0, count: R * K)
      multiplyMatrices(e, x, transposesA: true, into: &residual, M: R, N: K, K: m)
      for i in residual.indices { residual[i] /= Float(m) }
    }
  }

  /// Weights on their grids, `[R, K]`, the largest of a row at the end of its grid; and by row the mean
  /// squared error of the output: of rounding to the nearest on the grid that ends at the largest
  /// weight, and of `weights`.
  package struct Result {
    package var weights: [Float]
    package var before, after: [Double]
  }

  package init(stepCount: Int = 500) { self.stepCount = stepCount }

  /// - Shapes: `weights` `[R, K]`.
  /// - Parameter bits: of the grids.
  package func rounded(_ weights: [Float], _ target: Target, _ moments: Moments, bits: Int)
    -> Result
  {
    let K = moments.K
    let R = weights.count / K
    precondition(
      weights.count == R * K && target.residual.count == R * K, "\(weights.count), K \(K)")
    var block = RoundingBlock(
      R: R, K: K, limit: Float((1 << (bits - 1)) - 1), weights: weights,
      residual: target.residual, products: moments.products)
    let before = block.chooseScales(ends)
    block.descend(self)
    block.decide()
    return Result(
      weights: block.onGrid(), before: zip(before, target.squared).map { max($0 + $1, 0) },
      after: zip(block.errors, target.squared).map { max($0 + $1, 0) })
  }
}

/// Some output channels of a layer on their way to the grid.
private struct RoundingBlock {
  let R, K: Int
  let limit: Float
  let weights, residual, products: [Float]
  /// By row.
  var scales: [Float]
  /// The integers below the weights, and whether the ones above are free to be taken.
  var lower: [Float]
  var isFree: [Bool]
  /// The integers of rounding to the nearest.
  var nearest: [Float]
  /// How far above `lower`: 0 ... 1.
  var h: [Float]
  /// By row, of rounding to the nearest.
  var nearestErrors: [Double] = []
  /// By row, of what was decided.
  var errors: [Double] = []
  var integers: [Float] = []

  private static let stretch: Float = 1.2

  init(R: Int, K: Int, limit: Float, weights: [Float], residual: [Float], products: [Float]) {
    (self.R, self.K, self.limit) = (R, K, limit)
    (self.weights, self.residual, self.products) = (weights, residual, products)
    scales = Array(repeating: 1, count: R)
    lower = Array(repeating: 0, count: R * K)
    isFree = Array(repeating: false, count: R * K)
    nearest = lower
    h = lower
  }

  /// By row, `d·G·dᵀ - 2·d·r` of these integers.
  private func outputErrors(of integers: [Float], scales: [Float]) -> [Double] {
    var d = [Float](repeating: 0, count: R * K)
    for o in 0..<R {
      for i in o * K..<(o + 1) * K { d[i] = integers[i] * scales[o] - weights[i] }
    }
    let dG = timesProducts(d)
    return (0..<R).map { o in
      var sum = 0.0
      for i in o * K..<(o + 1) * K {
        sum += Double(d[i]) * (Double(dG[i]) - 2 * Double(residual[i]))
      }
      return sum
    }
  }

  private func timesProducts(_ d: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: R * K)
    multiplyMatrices(d, products, into: &result, M: R, N: K, K: K)
    return result
  }

  /// Rounded to the nearest.
  private func nearestIntegers(scales: [Float]) -> [Float] {
    var q = [Float](repeating: 0, count: R * K)
    for o in 0..<R {
      for i in o * K..<(o + 1) * K {
        q[i] = min(max((weights[i] / scales[o]).rounded(.toNearestOrEven), -limit), limit)
      }
    }
    return q
  }

  /// By row, the grid on which rounding to the nearest makes the least error.
  ///
  /// - Returns: by row, the error on the grid that ends at the largest weight.
  mutating func chooseScales(_ ends: [Float]) -> [Double] {
    let largest = (0..<R).map { o in
      weights[o * K..<(o + 1) * K].reduce(Float(0)) { max($0, abs($1)) }
    }
    // A channel without weights keeps none.
    let isDead = largest.map { $0 / limit < .leastNormalMagnitude }
    func scales(_ end: Float) -> [Float] {
      (0..<R).map { isDead[$0] ? 1 : largest[$0] * end / limit }
    }
    let first = scales(1)
    let before = outputErrors(of: nearestIntegers(scales: first), scales: first)
    (self.scales, nearestErrors) = (first, before)
    for end in ends where end != 1 {
      let tried = scales(end)
      let found = outputErrors(of: nearestIntegers(scales: tried), scales: tried)
      for o in 0..<R where found[o] < nearestErrors[o] {
        (self.scales[o], nearestErrors[o]) = (tried[o], found[o])
      }
    }
    nearest = nearestIntegers(scales: self.scales)
    for o in 0..<R {
      for i in o * K..<(o + 1) * K {
        let steps = weights[i] / self.scales[o]
        // What stands at the end of the grid stays there: it is what the grid is known by.
        let isEnd = abs(steps) > limit * (1 - 1e-6)
        lower[i] = isEnd ? nearest[i] : steps.rounded(.down)
        isFree[i] = !isEnd && !isDead[o]
        h[i] = isFree[i] ? steps - lower[i] : 0
      }
    }
    return before
  }

  /// Adam on `V`.
  mutating func descend(_ settings: AdaptiveRounding) {
    let count = R * K
    let stretch = Self.stretch
    let margin = (stretch - 1) / 2
    // The error of rounding to the nearest without what rounding cannot change.
    var d = [Float](repeating: 0, count: count)
    for o in 0..<R {
      for i in o * K..<(o + 1) * K { d[i] = nearest[i] * scales[o] - weights[i] }
    }
    let dG = timesProducts(d)
    var perError = [Float](repeating: 0, count: R)
    for o in 0..<R {
      var sum: Float = 0
      for i in o * K..<(o + 1) * K { sum += d[i] * dG[i] }
      perError[o] = sum > .leastNormalMagnitude ? 1 / sum : 0
    }
    var V = h.map { -log((stretch / ($0 + margin)) - 1) }
    var sigma = V.map { 1 / (1 + exp(-$0)) }
    var (first, second) = (
      [Float](repeating: 0, count: count), [Float](repeating: 0, count: count)
    )
    var product = dG
    let (decay1, decay2): (Float, Float) = (0.9, 0.999)
    let warmup = settings.stepCount / 5
    for step in 0..<settings.stepCount {
      for o in 0..<R {
        let s = scales[o]
        for i in o * K..<(o + 1) * K { d[i] = s * (lower[i] + h[i]) - weights[i] }
      }
      multiplyMatrices(d, products, into: &product, M: R, N: K, K: K)
      let t = Float(step + 1)
      let unbias1 = settings.learningRate / (1 - pow(decay1, t))
      let unbias2 = 1 / (1 - pow(decay2, t))
      // A whole exponent: powers of it are a few products.
      let progress = Float(step - warmup) / Float(max(settings.stepCount - warmup, 1))
      let beta = step < warmup ? 0 : (2 + 9 * (1 + cos(min(progress, 1) * .pi))).rounded()
      let push = beta == 0 ? 0 : settings.regularization * 2 * beta / Float(K)
      for o in 0..<R where perError[o] > 0 {
        let slope = 2 * scales[o] * perError[o]
        for i in o * K..<(o + 1) * K where isFree[i] {
          let raw = stretch * sigma[i] - margin
          // Outside 0 ... 1 the sigmoid is cut off and has no slope.
          guard raw > 0, raw < 1 else { continue }
          var gradient = slope * (product[i] - residual[i])
          if push > 0 { gradient -= push * signed(2 * raw - 1, power: Int(beta) - 1) }
          gradient *= stretch * sigma[i] * (1 - sigma[i])
          first[i] = decay1 * first[i] + (1 - decay1) * gradient
          second[i] = decay2 * second[i] + (1 - decay2) * gradient * gradient
          V[i] -= unbias1 * first[i] / ((second[i] * unbias2).squareRoot() + 1e-12)
          sigma[i] = 1 / (1 + exp(-V[i]))
          h[i] = min(max(stretch * sigma[i] - margin, 0), 1)
        }
      }
    }
  }

  /// `sign(x)·|x|^n`
  private func signed(_ x: Float, power n: Int) -> Float {
    var (result, base, n) = (Float(1), abs(x), n)
    while n > 0 {
      if n & 1 == 1 { result *= base }
      base *= base
      n >>= 1
    }
    return x < 0 ? -result : result
  }

  /// Takes the nearer end of each `h`, then turns single weights over as long as that helps; where
  /// rounding to the nearest, treated so, is better, takes that.
  mutating func decide() {
    var soft = lower
    for i in soft.indices where isFree[i] && h[i] >= 0.5 { soft[i] += 1 }
    var plain = nearest
    turnOver(&soft)
    turnOver(&plain)
    let (a, b) = (
      outputErrors(of: soft, scales: scales), outputErrors(of: plain, scales: scales)
    )
    integers = soft
    errors = a
    for o in 0..<R where b[o] < a[o] {
      errors[o] = b[o]
      for i in o * K..<(o + 1) * K { integers[i] = plain[i] }
    }
  }

  /// Moves the weight whose other rounding lowers the error most, again and again.
  private func turnOver(_ integers: inout [Float]) {
    var d = [Float](repeating: 0, count: R * K)
    for o in 0..<R {
      for i in o * K..<(o + 1) * K { d[i] = integers[i] * scales[o] - weights[i] }
    }
    var slope = timesProducts(d)
    for i in slope.indices { slope[i] -= residual[i] }
    for o in 0..<R {
      let (row, s) = (o * K, scales[o])
      for _ in 0..<K {
        var (best, gain, change): (Int, Float, Float) = (-1, 0, 0)
        for i in 0..<K where isFree[row + i] {
          let delta = integers[row + i] > lower[row + i] ? -s : s
          let value = delta * (2 * slope[row + i] + delta * products[i * K + i])
          if value < gain { (best, gain, change) = (i, value, delta) }
        }
        guard best >= 0 else { break }
        integers[row + best] += change > 0 ? 1 : -1
        for i in 0..<K { slope[row + i] += change * products[best * K + i] }
      }
    }
  }

  func onGrid() -> [Float] {
    var result = integers
    for o in 0..<R {
      for i in o * K..<(o + 1) * K { result[i] *= scales[o] }
    }
    return result
  }
}
