import Graphs
import Quantization
import Tensors

/// Batch norm, function, fake-quantization, addition or product, and fake-quantization of one value, each of
/// them optional, in one pass.
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

  struct Operand {
    var rows: Rows
    /// Whose grid its bytes are of.
    var site: Int?
    /// Where it holds the sums of a convolution on integers: real numbers are `x·unit[c] + bias[c]`.
    var unit: IntegerUnit?
  }

  /// Which sites of the graph stand where in the pass.
  struct Sites {
    var gateInput, gate, inner, outer: Int?
  }

  struct Backward {
    var gradient: GradientSum
    var dz: Rows
    /// `nil` where no gradient of the input is wanted.
    var dx: Rows?
    var dResidual: Rows?
  }

  let name: String
  let kernel: Pointwise
  private let norm: Norm?
  let sites: Sites
  let x: Operand
  let residual: Operand?
  /// Where a batch norm's input is bytes or has gaps.
  private let statisticsCopy: Move?
  private let out: Rows
  private let work: Backward?
  /// Whether the input is the graph's pictures, which may be on the grid already.
  private let readsPictures: Bool
  /// How the pass rounds where it has grids, and the numbers for that.
  let arithmetic: IntegerArithmetic
  let integerSums: IntegerSums?

  private let memory: AlignedBuffer
  /// Of the real input: `z = gain·x + shift`; and of the stored one.
  let gain, storedShift: UnsafeMutablePointer<Float>
  private let storedGain, mean, variance: UnsafeMutablePointer<Float>
  private let center, a, b, d, unit, bias, partial: UnsafeMutablePointer<Float>
  private let sums, products: UnsafeMutablePointer<Double>

  init(
    name: String, kernel: Pointwise, norm: Norm?, sites: Sites, x: Operand, statisticsCopy: Move?,
    residual: Operand?, out: Rows, work: Backward?, readsPictures: Bool,
    arithmetic: IntegerArithmetic = .floatEpilogue
  ) {
    (self.name, self.kernel, self.norm) = (name, kernel, norm)
    (self.sites, self.x, self.residual) = (sites, x, residual)
    (self.statisticsCopy, self.out) = (statisticsCopy, out)
    (self.work, self.readsPictures) = (work, readsPictures)
    self.arithmetic =
      Self.canBeIntegers(kernel, norm: norm, sites: sites, x: x, residual: residual)
      ? arithmetic : .floatEpilogue
    integerSums =
      self.arithmetic != .floatEpilogue && x.unit != nil
      ? IntegerSums(C: kernel.C, arithmetic) : nil
    let room = (kernel.C + 15) / 16 * 16
    memory = AlignedBuffer(byteCount: room * (13 * 4 + 2 * 8))
    let floats = memory.base.assumingMemoryBound(to: Float.self)
    func place(_ i: Int) -> UnsafeMutablePointer<Float> { floats + i * room }
    (gain, storedGain, storedShift, mean, variance) = (
      place(0), place(1), place(2), place(3), place(4)
    )
    (center, a, b, d, unit, bias, partial) = (
      place(5), place(6), place(7), place(8), place(9), place(10), place(11)
    )
    let doubles = (memory.base + 13 * 4 * room).assumingMemoryBound(to: Double.self)
    (sums, products) = (doubles, doubles + room)
    for c in 0..<kernel.C {
      gain[c] = 1
      storedGain[c] = 1
      a[c] = 1
      unit[c] = 1
    }
  }

  func forward(_ state: PlanState) {
    if readsPictures && state.inputIsQuantized { return }
    if let stored = x.unit {
      unit.update(from: stored.unit, count: kernel.C)
      if let b = stored.bias { bias.update(from: b, count: kernel.C) }
    }
    if let norm {
      normalize(norm, state)
    } else if x.unit != nil {
      storedGain.update(from: unit, count: kernel.C)
      storedShift.update(from: bias, count: kernel.C)
    }
    func watched(_ site: Int?) -> Pointwise.Watched { .init(mode: state.mode(at: site)) }
    var seen = Pointwise.Sites(
      gateInput: watched(sites.gateInput), gate: watched(sites.gate), inner: watched(sites.inner),
      outer: watched(sites.outer))
    let input = state.operand(x.rows, site: x.site)
    let other = residual.map { state.operand($0.rows, site: $0.site) }
    if let pass = integerPass(state) {
      kernel.forward(
        pass, x: input, gain: storedGain, shift: storedShift, residual: other, sites: &seen,
        out: out, tiles: state.tiles)
    } else {
      kernel.forward(
        x: input, gain: storedGain, shift: storedShift, residual: other, sites: &seen, out: out,
        tiles: state.tiles)
    }
    state.widen(sites.gateInput, seen.gateInput.extremes)
    state.widen(sites.gate, seen.gate.extremes)
    state.widen(sites.inner, seen.inner.extremes)
    state.widen(sites.outer, seen.outer.extremes)
  }

  /// Chooses mean and variance, and from them the factors of the pass.
  ///
  /// The statistics of what is stored, `m` and `v`, are those of real numbers after
  /// `mean = u·m + bias`, `variance = u²·v`.
  private func normalize(_ norm: Norm, _ state: PlanState) {
    let C = kernel.C
    switch state.batchNormMode {
    case .batch:
      statisticsCopy?.run(state)
      batchStatistics(
        x: statisticsCopy?.to ?? x.rows, rows: kernel.rows, C: C, mean: center,
        variance: variance, sums: sums,
        squares: products)
      for c in 0..<C {
        mean[c] = center[c] * unit[c] + bias[c]
        variance[c] *= unit[c] * unit[c]
      }
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
        center[c] = (mean[c] - bias[c]) / unit[c]
        norm.shardMean?[c] = mean[c]
        norm.shardVariance?[c] = variance[c]
      }
    }
    for c in 0..<C {
      gain[c] = norm.scale[c] / (variance[c] + norm.epsilon).squareRoot()
      // In the order in which deployment multiplies: the norm goes into the weight's scale.
      storedGain[c] =
        x.unit.map { gain[c] * $0.weightScales[c] * $0.inputScale.pointee } ?? gain[c]
      storedShift[c] = norm.shift[c] + gain[c] * (bias[c] - mean[c])
    }
  }

  func backward(_ state: PlanState) {
    guard let work else { return }
    let C = kernel.C
    for c in 0..<C {
      sums[c] = 0
      products[c] = 0
    }
    // With the statistics of the shard the gradient of the input needs the sums first.
    let needsSums = norm != nil && state.batchNormMode == .batch
    let x = state.operand(x.rows, site: self.x.site)
    var dz = work.dz
    var factor: UnsafePointer<Float>?
    if !needsSums, let dx = work.dx {
      dz = dx
      if norm != nil { factor = UnsafePointer(gain) }
    }
    kernel.backward(
      .init(
        x: x, gain: storedGain, shift: storedShift, center: center,
        residual: residual.map { state.operand($0.rows, site: $0.site) },
        gateInput: state.mode(at: sites.gateInput).grid, gate: state.mode(at: sites.gate).grid,
        inner: state.mode(at: sites.inner).grid, outer: state.mode(at: sites.outer).grid,
        gateInputSums: state.sums(at: sites.gateInput), innerSums: state.sums(at: sites.inner),
        outerSums: state.sums(at: sites.outer),
        contributions: work.gradient.contributions, dz: dz, factor: factor,
        dResidual: work.dResidual), sums: sums, products: products, partial: partial,
      tiles: state.tiles)
    if let norm { normGradients(norm, state.batchNormMode) }
    if needsSums, let dx = work.dx {
      kernel.combine(x: x, dz: dz, a: a, b: b, d: d, dx: dx, tiles: state.tiles)
    }
  }

  /// With `x̂ = (x - μ)/σ`: `dγ = Σ dz·x̂`, `dβ = Σ dz`, `dx = γ/σ·(dz - mean(dz) - x̂·mean(dz·x̂))`.
  /// `dx` as `a·dz + b·x + d` per channel, of the stored `x`.
  private func normGradients(_ norm: Norm, _ mode: BatchNormMode) {
    let rows = Double(kernel.rows)
    for c in 0..<kernel.C {
      let inverse = 1 / Double(variance[c] + norm.epsilon).squareRoot()
      let unit = Double(self.unit[c])
      let gain = Double(self.gain[c])
      norm.dShift?[c] = Float(sums[c])
      norm.dScale?[c] = Float(products[c] * unit * inverse)
      guard mode == .batch else { continue }
      let meanGradient = sums[c] / rows
      let slope = products[c] * unit * inverse * inverse / rows
      a[c] = self.gain[c]
      b[c] = Float(-gain * slope * unit)
      d[c] = Float(gain * (slope * (Double(mean[c]) - Double(bias[c])) - meanGradient))
    }
  }
}
