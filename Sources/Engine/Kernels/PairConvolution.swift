import CLanes

/// The forward pass of a convolution on bytes where oneDNN has no exact one: `y = w ∗ (x - zeroPoint)` as
/// FP32 numbers, by 16-bit products (`IntegerConvolution`).
final class PairConvolution: ConvolutionPass {
  static let name = "edgewise:pairs"

  private let kernel: IntegerConvolution
  private let x: UnsafePointer<UInt8>
  private let zeroPoint: UnsafePointer<Int32>
  private let weight: UnsafePointer<Int8>
  private let y: UnsafeMutablePointer<Float>

  init(_ g: Convolution.Geometry, _ memory: Convolution.Memory) {
    precondition(g.groups == 1 && memory.x.isDense, "\(g)")
    kernel = IntegerConvolution(
      input: IntegerExtents(N: g.N, H: g.H, W: g.W, C: g.C),
      output: IntegerExtents(N: g.N, H: g.P, W: g.Q, C: g.O), kernel: g.kernel, stride: g.stride,
      padding: g.padding, groups: 1)
    x = UnsafePointer(memory.x.base.assumingMemoryBound(to: UInt8.self))
    zeroPoint = UnsafePointer(memory.zeroPoint!)
    weight = UnsafePointer(memory.integerWeight!)
    y = memory.y.floats
  }

  var byteCount: Int { kernel.byteCount }

  func prepareWeights() { kernel.setWeights(weight) }

  func run() {
    let O = kernel.output.C
    kernel.forEachTile(x, zeroPoint: zeroPoint.pointee) { row, count, sums in
      for r in 0..<count {
        let (from, to) = (sums + r * kernel.sumStride, y + (row + r) * O)
        forEachLanes(O) { o, n in clanes_load_i32(from + o).store(to + o, upTo: n) }
      }
    }
  }
}
