import Graphs
import Tensors

/// Batch norm, activation and fake-quantization of one value, each of them optional, in one pass.
final class PointwiseStep: PlanStep {
  /// A batch norm's parameters and where its results go.
  struct Norm {
    var epsilon: Float
    var scale, shift, runningMean, runningVariance: UnsafeMutablePointer<Float>
    /// Gradients of scale and shift.
    var dScale, dShift: UnsafeMutablePointer<Float>?
    /// Statistics of the shard: the mean and the unbiased variance.
    var shardMean, shardVariance: UnsafeMutablePointer<Float>?
  }

  let name: String
  let kernel: Pointwise
  let norm: Norm?
  let site: Int?
  let x, y: UnsafeMutablePointer<Float>
  let dy: UnsafeMutablePointer<Float>?
  let target: GradientTarget?

  private let memory: AlignedBuffer
  private let gain, shift, mean, variance, a, b, d: UnsafeMutablePointer<Float>
  private let sums, products: UnsafeMutablePointer<Double>

  init(
    name: String, kernel: Pointwise, norm: Norm?, site: Int?, x: UnsafeMutablePointer<Float>,
    y: UnsafeMutablePointer<Float>, dy: UnsafeMutablePointer<Float>?, target: GradientTarget?
  ) {
    (self.name, self.kernel, self.norm, self.site) = (name, kernel, norm, site)
    (self.x, self.y, self.dy, self.target) = (x, y, dy, target)
    let room = (kernel.C + 15) / 16 * 16
    memory = AlignedBuffer(byteCount: room * (7 * 4 + 2 * 8))
    let floats = memory.base.assumingMemoryBound(to: Float.self)
    (gain, shift, mean, variance) = (floats, floats + room, floats + 2 * room, floats + 3 * room)
    (a, b, d) = (floats + 4 * room, floats + 5 * room, floats + 6 * room)
    let doubles = (memory.base + 7 * 4 * room).assumingMemoryBound(to: Double.self)
    (sums, products) = (doubles, doubles + room)
    for c in 0..<kernel.C {
      gain[c] = 1
      a[c] = 1
    }
  }

  func forward(_ state: PlanState) {
    if let norm { normalize(norm, state.batchNormMode) }
    var extremes = Pointwise.Extremes()
    kernel.forward(
      x: x, gain: gain, shift: shift, mode: state.mode(at: site), out: y, extremes: &extremes)
    if let site {
      // Several values may share a site: the site sees them all.
      if extremes.low < state.extremes[site].low { state.extremes[site].low = extremes.low }
      if extremes.high > state.extremes[site].high { state.extremes[site].high = extremes.high }
    }
  }

  /// Chooses mean and variance, and from them `gain` and `shift`.
  private func normalize(_ norm: Norm, _ mode: BatchNormMode) {
    let C = kernel.C
    switch mode {
    case .batch:
      batchStatistics(
        x: x, rows: kernel.rows, C: C, mean: mean, variance: variance, sums: sums,
        squares: products)
      if let shardMean = norm.shardMean, let shardVariance = norm.shardVariance {
        let unbias = Float(kernel.rows) / Float(max(kernel.rows - 1, 1))
        for c in 0..<C {
          shardMean[c] = mean[c]
          shardVariance[c] = variance[c] * unbias
        }
      }
    case .running:
      for c in 0..<C {
        mean[c] = norm.runningMean[c]
        variance[c] = norm.runningVariance[c]
        norm.shardMean?[c] = mean[c]
        norm.shardVariance?[c] = variance[c]
      }
    }
    for c in 0..<C {
      gain[c] = norm.scale[c] / (variance[c] + norm.epsilon).squareRoot()
      shift[c] = norm.shift[c] - mean[c] * gain[c]
    }
  }

  func backward(_ state: PlanState) {
    guard let dy else { return }
    let C = kernel.C
    for c in 0..<C {
      sums[c] = 0
      products[c] = 0
    }
    // The gradient of the output is read for the last time: dz may take its place.
    kernel.backward(
      x: x, gain: gain, shift: shift, center: mean, mode: state.mode(at: site), dOut: dy, dz: dy,
      sums: sums, products: products)
    if let norm { normGradients(norm, state.batchNormMode) }
    guard let target else { return }
    if norm == nil {
      pass(dy, to: target.address, count: kernel.rows * C, accumulate: target.accumulate)
    } else {
      kernel.combine(
        x: x, dz: dy, a: a, b: b, d: d, accumulate: target.accumulate, dx: target.address)
    }
  }

  /// With `x̂ = (x - μ)/σ`: `dγ = Σ dz·x̂`, `dβ = Σ dz`, `dx = γ/σ·(dz - mean(dz) - x̂·mean(dz·x̂))`,
  /// and `dx = γ/σ·dz` with running statistics. `dx` as `a·dz + b·x + d` per channel.
  private func normGradients(_ norm: Norm, _ mode: BatchNormMode) {
    let rows = Double(kernel.rows)
    for c in 0..<kernel.C {
      let inverse = 1 / Double(variance[c] + norm.epsilon).squareRoot()
      let gain = Double(self.gain[c])
      norm.dShift?[c] = Float(sums[c])
      norm.dScale?[c] = Float(products[c] * inverse)
      a[c] = self.gain[c]
      switch mode {
      case .batch:
        let meanGradient = sums[c] / rows
        let slope = products[c] * inverse * inverse / rows
        b[c] = Float(-gain * slope)
        d[c] = Float(gain * (slope * Double(mean[c]) - meanGradient))
      case .running:
        b[c] = 0
        d[c] = 0
      }
    }
  }
}
