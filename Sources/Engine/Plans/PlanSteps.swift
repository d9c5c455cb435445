import Graphs
import Tensors

/// Where a step's gradient goes: the first to write a buffer sets it, the others add.
struct GradientTarget {
  var address: UnsafeMutablePointer<Float>
  var accumulate: Bool
}

final class ConvolutionStep: PlanStep {
  let name: String
  let kernel: Convolution
  /// Weights that are put on their grids once per step, with the copy the convolution reads.
  let quantization: QuantizedWeight?
  /// Set where the kernel's `dx` is scratch that must be added to a gradient.
  let addsTo:
    (scratch: UnsafeMutablePointer<Float>, target: UnsafeMutablePointer<Float>, count: Int)?

  struct QuantizedWeight {
    var source, copy: UnsafeMutablePointer<Float>
    var O, count: Int
    var limit: Float
  }

  init(
    name: String, kernel: Convolution, quantization: QuantizedWeight?,
    addsTo: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int)?
  ) {
    self.name = name
    self.kernel = kernel
    self.quantization = quantization
    self.addsTo = addsTo
  }

  var isConvolution: Bool { true }

  func prepareWeights() {
    if let q = quantization {
      fakeQuantizeWeight(q.source, O: q.O, count: q.count, limit: q.limit, out: q.copy)
    }
    kernel.prepareWeights()
  }

  func forward(_ state: PlanState) { kernel.forward() }

  func backward(_ state: PlanState) {
    kernel.backwardData()
    kernel.backwardWeights()
    if let add = addsTo {
      pass(add.scratch, to: add.target, count: add.count, accumulate: true)
    }
  }
}

final class AddStep: PlanStep {
  let name: String
  let count: Int
  let a, b, y: UnsafeMutablePointer<Float>
  let dy: UnsafeMutablePointer<Float>?
  let targets: [GradientTarget]

  init(
    name: String, count: Int, a: UnsafeMutablePointer<Float>, b: UnsafeMutablePointer<Float>,
    y: UnsafeMutablePointer<Float>, dy: UnsafeMutablePointer<Float>?, targets: [GradientTarget]
  ) {
    (self.name, self.count, self.a, self.b, self.y) = (name, count, a, b, y)
    (self.dy, self.targets) = (dy, targets)
  }

  func forward(_ state: PlanState) { for i in 0..<count { y[i] = a[i] + b[i] } }

  func backward(_ state: PlanState) {
    guard let dy else { return }
    for target in targets {
      pass(dy, to: target.address, count: count, accumulate: target.accumulate)
    }
  }
}

/// Concat and slice: channels that move from array to array.
final class ChannelStep: PlanStep {
  struct Move {
    var copy: ChannelCopy
    var from, to: UnsafeMutablePointer<Float>
    var accumulate = false
    /// Elements to clear first, for a slice that sets only some channels of a gradient.
    var clears = 0
  }

  let name: String
  let forwardMoves, backwardMoves: [Move]

  init(name: String, forward: [Move], backward: [Move]) {
    (self.name, forwardMoves, backwardMoves) = (name, forward, backward)
  }

  func forward(_ state: PlanState) { run(forwardMoves) }
  func backward(_ state: PlanState) { run(backwardMoves) }

  private func run(_ moves: [Move]) {
    for move in moves {
      if move.clears > 0 { move.to.update(repeating: 0, count: move.clears) }
      move.copy.run(move.from, move.to, accumulate: move.accumulate)
    }
  }
}

final class UpsampleStep: PlanStep {
  let name: String
  let kernel: Upsample
  let x, y: UnsafeMutablePointer<Float>
  let dy: UnsafeMutablePointer<Float>?
  let target: GradientTarget?

  init(
    name: String, kernel: Upsample, x: UnsafeMutablePointer<Float>,
    y: UnsafeMutablePointer<Float>, dy: UnsafeMutablePointer<Float>?, target: GradientTarget?
  ) {
    (self.name, self.kernel, self.x, self.y) = (name, kernel, x, y)
    (self.dy, self.target) = (dy, target)
  }

  func forward(_ state: PlanState) { kernel.forward(x: x, y: y) }

  func backward(_ state: PlanState) {
    guard let dy, let target else { return }
    kernel.backward(dy: dy, accumulate: target.accumulate, dx: target.address)
  }
}

final class MaxPoolStep: PlanStep {
  let name: String
  let kernel: MaxPool
  let x, y: UnsafeMutablePointer<Float>
  let chosen: UnsafeMutablePointer<UInt8>
  let dy: UnsafeMutablePointer<Float>?
  let target: GradientTarget?

  init(
    name: String, kernel: MaxPool, x: UnsafeMutablePointer<Float>,
    y: UnsafeMutablePointer<Float>, chosen: UnsafeMutablePointer<UInt8>,
    dy: UnsafeMutablePointer<Float>?, target: GradientTarget?
  ) {
    (self.name, self.kernel, self.x, self.y, self.chosen) = (name, kernel, x, y, chosen)
    (self.dy, self.target) = (dy, target)
  }

  func forward(_ state: PlanState) { kernel.forward(x: x, y: y, chosen: chosen) }

  func backward(_ state: PlanState) {
    guard let dy, let target else { return }
    if !target.accumulate {
      target.address.update(repeating: 0, count: kernel.N * kernel.H * kernel.W * kernel.C)
    }
    kernel.backward(dy: dy, chosen: chosen, dx: target.address)
  }
}

final class GlobalAveragePoolStep: PlanStep {
  let name: String
  let kernel: GlobalAveragePool
  let x, y: UnsafeMutablePointer<Float>
  let dy: UnsafeMutablePointer<Float>?
  let target: GradientTarget?

  init(
    name: String, kernel: GlobalAveragePool, x: UnsafeMutablePointer<Float>,
    y: UnsafeMutablePointer<Float>, dy: UnsafeMutablePointer<Float>?, target: GradientTarget?
  ) {
    (self.name, self.kernel, self.x, self.y) = (name, kernel, x, y)
    (self.dy, self.target) = (dy, target)
  }

  func forward(_ state: PlanState) { kernel.forward(x: x, y: y) }

  func backward(_ state: PlanState) {
    guard let dy, let target else { return }
    kernel.backward(dy: dy, accumulate: target.accumulate, dx: target.address)
  }
}
