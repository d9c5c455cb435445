import Tensors

/// Rows that move from one place to another, as they are or as real numbers.
struct Move {
  var from, to: Rows
  var rowCount: Int
  /// Whose grid bytes are of.
  var site: Int?
  /// Steps from zero instead of real numbers: exact in bf16.
  var asSteps = false

  func run(_ state: PlanState) {
    var decoding = Decoding.none
    if from.format == .gridByte, to.format != .gridByte {
      decoding = state.grid(at: site!).decoding
      if asSteps { decoding.scale = 1 }
    }
    convert(from, to: to, rowCount: rowCount, decoding: decoding, tile: state.tiles.a)
  }
}

/// A concat's inputs that do not lie in it already, or a slice that is an output. The gradient needs no
/// work but its sum: the inputs' gradients are channels of it.
final class MoveStep: PlanStep {
  let name: String
  private let moves: [Move]
  private let gradient: GradientSum?

  init(name: String, moves: [Move], gradient: GradientSum?) {
    (self.name, self.moves, self.gradient) = (name, moves, gradient)
  }

  func forward(_ state: PlanState) { for move in moves { move.run(state) } }
  func backward(_ state: PlanState) { gradient?.run(state) }
}

final class UpsampleStep: PlanStep {
  let name: String
  private let kernel: Upsample
  /// Where the input is not of the output's format.
  private let copy: Move?
  private let x, y: Rows
  private let gradient: DenseGradient?

  init(name: String, kernel: Upsample, copy: Move?, x: Rows, y: Rows, gradient: DenseGradient?) {
    (self.name, self.kernel, self.copy) = (name, kernel, copy)
    (self.x, self.y, self.gradient) = (x, y, gradient)
  }

  func forward(_ state: PlanState) {
    copy?.run(state)
    kernel.forward(x: x, y: y)
  }

  func backward(_ state: PlanState) {
    guard let gradient else { return }
    gradient.sum?.run(state)
    kernel.backward(dy: gradient.dy, dx: gradient.dx)
  }
}

final class MaxPoolStep: PlanStep {
  let name: String
  private let kernel: MaxPool
  /// Where the input is not of the output's format.
  private let copy: Move?
  private let x, y: Rows
  private let chosen: UnsafeMutablePointer<UInt8>
  private let gradient: DenseGradient?

  init(
    name: String, kernel: MaxPool, copy: Move?, x: Rows, y: Rows,
    chosen: UnsafeMutablePointer<UInt8>, gradient: DenseGradient?
  ) {
    (self.name, self.kernel, self.copy, self.x, self.y) = (name, kernel, copy, x, y)
    (self.chosen, self.gradient) = (chosen, gradient)
  }

  func forward(_ state: PlanState) {
    copy?.run(state)
    kernel.forward(x: x, y: y, chosen: chosen)
  }

  func backward(_ state: PlanState) {
    guard let gradient else { return }
    gradient.sum?.run(state)
    kernel.backward(dy: gradient.dy, chosen: chosen, dx: gradient.dx)
  }
}

final class GlobalAveragePoolStep: PlanStep {
  let name: String
  private let kernel: GlobalAveragePool
  /// Where the input is not FP32 without gaps.
  private let copy: Move?
  private let x, y: UnsafeMutablePointer<Float>
  private let gradient: DenseGradient?

  init(
    name: String, kernel: GlobalAveragePool, copy: Move?, x: UnsafeMutablePointer<Float>,
    y: UnsafeMutablePointer<Float>, gradient: DenseGradient?
  ) {
    (self.name, self.kernel, self.copy, self.x, self.y) = (name, kernel, copy, x, y)
    self.gradient = gradient
  }

  func forward(_ state: PlanState) {
    copy?.run(state)
    kernel.forward(x: x, y: y)
  }

  func backward(_ state: PlanState) {
    guard let gradient else { return }
    gradient.sum?.run(state)
    kernel.backward(dy: gradient.dy.floats, dx: gradient.dx)
  }
}

/// A gradient as one FP32 array, and where the gradient of the input goes.
struct DenseGradient {
  /// Set where the parts must be added up first.
  var sum: GradientSum?
  var dy: Rows
  var dx: UnsafeMutablePointer<Float>
}
