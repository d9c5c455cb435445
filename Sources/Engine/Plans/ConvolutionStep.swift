import Tensors

/// A convolution with what its operands need before and after it.
final class ConvolutionStep: PlanStep {
  let name: String
  let kernel: Convolution
  private let weight: QuantizedWeight?
  private let integer: IntegerOutput?
  /// What the kernel reads, where the value itself has gaps or another format.
  private let forwardCopy, backwardCopy: Move?
  private let gradient: GradientSum?
  /// The gradient of the weights, where the backward pass to them reads steps of the grid.
  private let stepGradient: (values: UnsafeMutablePointer<Float>, count: Int)?

  /// Weights that are put on their grids once per step.
  struct QuantizedWeight {
    var source: UnsafePointer<Float>
    var O, count: Int
    var limit: Float
    /// As real numbers, for passes in floating point; as integers with a scale per channel.
    var real: UnsafeMutablePointer<Float>?
    var integers: UnsafeMutablePointer<Int8>?
    var scales: UnsafeMutablePointer<Float>?
    /// Set where the scales are learned.
    var learned: LearnedScales?
  }

  /// The scales of a weight and, in training, where their gradient goes and that of the weight lies.
  struct LearnedScales {
    var values: UnsafePointer<Float>
    var dScales, dWeight: UnsafeMutablePointer<Float>?
    var factor: Float
  }

  /// What makes the sums of a convolution on integers real numbers: `y·unit[o] + bias[o]`.
  struct IntegerOutput {
    var zeroPoint: UnsafeMutablePointer<Int32>
    var inputScale: UnsafeMutablePointer<Float>
    var weightScales: UnsafePointer<Float>
    var unit: UnsafeMutablePointer<Float>
    var bias: UnsafePointer<Float>?
    /// Whether the step does it itself; otherwise the pass that follows does.
    var finishes: Bool
    var y: UnsafeMutablePointer<Float>
    var rows, O: Int
  }

  private let site: Int?
  private let memory: [AlignedBuffer]

  /// - Parameters:
  ///   - site: whose grid the input's bytes are of.
  ///   - memory: what the addresses above point into, if it is the step's own.
  init(
    name: String, kernel: Convolution, weight: QuantizedWeight?, integer: IntegerOutput?,
    site: Int?, forwardCopy: Move?, backwardCopy: Move?, gradient: GradientSum?,
    stepGradient: (UnsafeMutablePointer<Float>, Int)?, memory: [AlignedBuffer]
  ) {
    (self.name, self.kernel, self.weight, self.integer) = (name, kernel, weight, integer)
    (self.site, self.forwardCopy, self.backwardCopy) = (site, forwardCopy, backwardCopy)
    (self.gradient, self.stepGradient, self.memory) = (gradient, stepGradient, memory)
  }

  var isConvolution: Bool { true }

  func prepareWeights() {
    if let w = weight, let learned = w.learned {
      quantizeWeight(
        w.source, learned: learned.values, O: w.O, count: w.count, limit: w.limit, real: w.real,
        integers: w.integers, scales: w.scales)
    } else if let w = weight {
      quantizeWeight(
        w.source, O: w.O, count: w.count, limit: w.limit, real: w.real, integers: w.integers,
        scales: w.scales)
    }
    kernel.prepareWeights()
  }

  func forward(_ state: PlanState) {
    if let integer {
      let grid = state.grid(at: site!)
      integer.zeroPoint.pointee = Int32(-grid.lowest)
      integer.inputScale.pointee = grid.scale
      for o in 0..<integer.O { integer.unit[o] = grid.scale * integer.weightScales[o] }
    }
    forwardCopy?.run(state)
    state.timeConvolution { kernel.forward() }
    if let integer, integer.finishes {
      finish(integer, state)
    }
  }

  private func finish(_ integer: IntegerOutput, _ state: PlanState) {
    let O = integer.O
    forEachLanes(O) { o, width in
      let unit = Lanes(loading: integer.unit + o, upTo: width)
      let bias = integer.bias.map { Lanes(loading: $0 + o, upTo: width) } ?? .zero
      var y = integer.y + o
      for _ in 0..<integer.rows {
        (Lanes(loading: y, upTo: width) * unit + bias).store(y, upTo: width)
        y += O
      }
    }
  }

  func backward(_ state: PlanState) {
    gradient?.run(state)
    state.timeConvolution { kernel.backwardData() }
    backwardCopy?.run(state)
    state.timeConvolution { kernel.backwardWeights() }
    if let (values, count) = stepGradient {
      let scale = state.grid(at: site!).scale
      for i in 0..<count { values[i] *= scale }
    }
    if let w = weight, let learned = w.learned, let dScales = learned.dScales,
      let dWeight = learned.dWeight
    {
      weightScaleGradient(
        w.source, learned: learned.values, O: w.O, count: w.count, limit: w.limit,
        factor: learned.factor, dW: dWeight, dS: dScales)
    }
  }
}
