import CLanes
import Quantization
import Tensors

/// A convolution or linear layer that ends on a grid: sums, int32 biases, requantization.
final class IntegerLayerStep: IntegerStep {
  let name: String
  let output: Int
  private let kernel: IntegerConvolution
  private let x: UnsafePointer<Int8>
  private let zeroPoint: Int32
  private let requantization: Requantization
  private let y: UnsafeMutablePointer<Int8>
  private let memory: [AlignedBuffer]

  /// - Parameter memory: what the requantization points into.
  init(
    name: String, output: Int, kernel: IntegerConvolution, x: UnsafePointer<Int8>,
    zeroPoint: Int32, requantization: Requantization, y: UnsafeMutablePointer<Int8>,
    memory: [AlignedBuffer]
  ) {
    (self.name, self.output, self.kernel) = (name, output, kernel)
    (self.x, self.zeroPoint, self.requantization) = (x, zeroPoint, requantization)
    (self.y, self.memory) = (y, memory)
  }

  func run() {
    let O = kernel.output.C
    kernel.forEachTile(x, zeroPoint: zeroPoint) { row, count, sums in
      requantization.run(
        sums, stride: kernel.sumStride, rows: count, O: O, out: y + row * O)
    }
  }
}

/// A convolution or linear layer whose sums become real numbers: `y = sum·unit[o] + bias[o]`, one rounding.
final class RealLayerStep: IntegerStep {
  let name: String
  let output: Int
  private let kernel: IntegerConvolution
  private let x: UnsafePointer<Int8>
  private let zeroPoint: Int32
  /// `[O]`, room for whole vectors.
  private let unit, bias: UnsafePointer<Float>
  private let y: UnsafeMutablePointer<Float>
  private let memory: [AlignedBuffer]

  init(
    name: String, output: Int, kernel: IntegerConvolution, x: UnsafePointer<Int8>,
    zeroPoint: Int32, unit: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    y: UnsafeMutablePointer<Float>, memory: [AlignedBuffer]
  ) {
    (self.name, self.output, self.kernel, self.x) = (name, output, kernel, x)
    (self.zeroPoint, self.unit, self.bias, self.y) = (zeroPoint, unit, bias, y)
    self.memory = memory
  }

  func run() {
    let O = kernel.output.C
    kernel.forEachTile(x, zeroPoint: zeroPoint) { row, count, sums in
      forEachLanes(O) { o, n in
        let (u, b) = (Lanes(loading: unit + o), Lanes(loading: bias + o))
        for r in 0..<count {
          b.adding(clanes_load_i32(sums + r * kernel.sumStride + o), times: u)
            .store(y + (row + r) * O + o, upTo: n)
        }
      }
    }
  }
}
