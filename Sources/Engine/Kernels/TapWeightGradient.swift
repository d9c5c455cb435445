import CLanes
import Tensors

/// `dWeight = dy ∗ x` tap by tap: for each of the K·K, `dW_tap = dyᵀ·x_tap`, a product of matrices
/// `[O, pixels]` and `[pixels, C]`, where `x_tap` are the pixels that the tap meets, read where they lie.
///
/// Summed over pictures, then rows, then columns of the output.
final class TapWeightGradient: ConvolutionPass {
  static let name = "edgewise:taps"
  /// About as many pixels are worked on at a time: sixteen channels of them and of the gradient stay in
  /// the first cache.
  private static let wantedPixels = 120

  private let g: Convolution.Geometry
  private let x, dy: UnsafePointer<Float>
  private let dWeight: UnsafeMutablePointer<Float>
  private let scratch: SharedScratch

  /// Where oneDNN's AVX2 kernels are weakest: 3 × 3 windows two pixels apart, over whole vectors of channels.
  static func computes(_ g: Convolution.Geometry) -> Bool {
    g.kernel == 3 && g.stride == 2 && g.groups == 1 && g.C % 16 == 0 && g.O % 16 == 0
      && hasOwnConvolutions
  }

  init(
    _ g: Convolution.Geometry, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    dWeight: UnsafeMutablePointer<Float>, _ scratch: SharedScratch
  ) {
    precondition(Self.computes(g), "\(g)")
    (self.g, self.x, self.dy, self.dWeight, self.scratch) = (g, x, dy, dWeight, scratch)
    scratch.reserve(byteCount: g.kernel * g.kernel * g.O * g.C * 4)
  }

  func run() {
    let (g, taps) = (g, g.kernel * g.kernel)
    let du = scratch.base.assumingMemoryBound(to: Float.self)
    du.update(repeating: 0, count: taps * g.O * g.C)
    let step = max(1, Self.wantedPixels / g.Q)
    for n in 0..<g.N {
      var row = 0
      while row < g.P {
        let end = min(row + step, g.P)
        for i in 0..<g.kernel {
          let lines = range(row..<end, tap: i, extent: g.H)
          if lines.isEmpty { continue }
          for j in 0..<g.kernel {
            add(n, lines, range(0..<g.Q, tap: j, extent: g.W), i, j, du)
          }
        }
        row = end
      }
    }
    for o in 0..<g.O {
      for c in stride(from: 0, to: g.C, by: 16) {
        clanes_gather_taps(du + o * g.C + c, g.O * g.C, taps, dWeight + (o * g.C + c) * taps)
      }
    }
  }

  /// The outputs among `outputs` for which a tap meets a pixel of the picture.
  private func range(_ outputs: Range<Int>, tap: Int, extent: Int) -> Range<Int> {
    let first = max(outputs.lowerBound, (g.padding - tap + g.stride - 1) / g.stride)
    let last = extent - 1 + g.padding - tap
    if last < 0 { return first..<first }
    return first..<max(first, min(outputs.upperBound, last / g.stride + 1))
  }

  /// `dW_tap += dyᵀ·x_tap` over some rows and columns of the output of one picture.
  @inline(__always)
  private func add(
    _ n: Int, _ lines: Range<Int>, _ columns: Range<Int>, _ i: Int, _ j: Int,
    _ du: UnsafeMutablePointer<Float>
  ) {
    let g = g
    let (p, q) = (lines.lowerBound, columns.lowerBound)
    let (h, w) = (p * g.stride - g.padding + i, q * g.stride - g.padding + j)
    let gradient = dy + ((n * g.P + p) * g.Q + q) * g.O
    let source = x + ((n * g.H + h) * g.W + w) * g.C
    let target = du + (i * g.kernel + j) * g.O * g.C
    WinogradTiles.forEachPanel(of: g.C) { c, count in
      for o in stride(from: 0, to: g.O, by: 16) {
        clanes_outer_product_rows(
          gradient + o, g.Q * g.O, g.O, source + c, g.stride * g.W * g.C, g.stride * g.C, 16,
          lines.count, columns.count, count, target + o * g.C + c, g.C, true)
      }
    }
  }
}
