import Quantization
import Tensors

/// A function of single real numbers where a target computes it in FP32: `y = f(x)`.
final class RealFunctionStep: IntegerStep {
  let name: String
  let output: Int
  private let function: ElementFunction
  private let x: IntegerStorage
  private let y: UnsafeMutablePointer<Float>
  private let count: Int

  init(
    name: String, output: Int, function: ElementFunction, x: IntegerStorage,
    y: UnsafeMutablePointer<Float>, count: Int
  ) {
    (self.name, self.output, self.function) = (name, output, function)
    (self.x, self.y, self.count) = (x, y, count)
  }

  func run() {
    x.copy(to: y, count: count)
    switch function {
    case .identity: break
    case .sigmoid: apply(SigmoidFunction())
    case .silu: apply(SiLUFunction())
    case .relu: apply(ReLUFunction())
    case .relu6: apply(ReLU6Function())
    }
  }

  @inline(__always)
  private func apply(_ f: some ActivationFunction) {
    forEachLanes(count) { i, n in
      f.value(Lanes(loading: y + i, upTo: n)).store(y + i, upTo: n)
    }
  }
}

/// A sum or product of two values in FP32.
final class RealPairStep: IntegerStep {
  let name: String
  let output: Int
  private let multiplies: Bool
  private let a, b: IntegerStorage
  private let y: UnsafeMutablePointer<Float>
  private let count: Int

  init(
    name: String, output: Int, multiplies: Bool, a: IntegerStorage, b: IntegerStorage,
    y: UnsafeMutablePointer<Float>, count: Int
  ) {
    (self.name, self.output, self.multiplies) = (name, output, multiplies)
    (self.a, self.b, self.y, self.count) = (a, b, y, count)
  }

  func run() {
    a.copy(to: y, count: count)
    if multiplies {
      for i in 0..<count { y[i] *= b.real(i) }
    } else {
      for i in 0..<count { y[i] += b.real(i) }
    }
  }
}

/// `[H, W, C]` to `[C]`: the mean over all pixels in FP32.
final class RealMeanStep: IntegerStep {
  let name: String
  let output: Int
  private let x: IntegerStorage
  private let y: UnsafeMutablePointer<Float>
  private let extents: IntegerExtents

  init(
    name: String, output: Int, x: IntegerStorage, y: UnsafeMutablePointer<Float>,
    _ extents: IntegerExtents
  ) {
    (self.name, self.output, self.x, self.y, self.extents) = (name, output, x, y, extents)
  }

  func run() {
    let (C, pixels) = (extents.C, extents.H * extents.W)
    for n in 0..<extents.N {
      for c in 0..<C {
        var sum = 0.0
        for i in 0..<pixels { sum += Double(x.real((n * pixels + i) * C + c)) }
        y[n * C + c] = Float(sum / Double(pixels))
      }
    }
  }
}

/// `q = clamp(round(x / scale) + zeroPoint)`, ties to even.
final class QuantizeStep: IntegerStep {
  let name: String
  let output: Int
  private let x: IntegerStorage
  private let y: UnsafeMutablePointer<Int8>
  private let grid: Grid
  private let count: Int

  init(
    name: String, output: Int, x: IntegerStorage, y: UnsafeMutablePointer<Int8>, grid: Grid,
    count: Int
  ) {
    (self.name, self.output, self.x, self.y) = (name, output, x, y)
    (self.grid, self.count) = (grid, count)
  }

  func run() {
    guard case .real(let values) = x else {
      for i in 0..<count { y[i] = Int8(truncatingIfNeeded: grid.quantize(x.real(i))) }
      return
    }
    let scale = Lanes(repeating: grid.scale)
    let low = Lanes(repeating: Float(grid.minimum - grid.zeroPoint))
    let high = Lanes(repeating: Float(grid.maximum - grid.zeroPoint))
    let zero = Lanes(repeating: Float(grid.zeroPoint))
    forEachLanes(count) { i, n in
      let steps = (Lanes(loading: values + i, upTo: n) / scale).lower(high).higher(low)
      (steps.roundedToEven() + zero).store(y + i, upTo: n)
    }
  }
}

extension IntegerStorage {
  /// All numbers as real ones.
  func copy(to y: UnsafeMutablePointer<Float>, count: Int) {
    switch self {
    case .real(let x): y.update(from: x, count: count)
    case .integers(let q, let grid):
      for i in 0..<count { y[i] = Float(Int32(q[i]) - grid.zeroPoint) * grid.scale }
    }
  }
}
