import Engine
import Graphs
import Quantization
import Tensors
import Testing

/// The 3 × 3 convolutions that kernels of our own compute on AVX2 and AVX-512. Elsewhere oneDNN does, and the
/// same holds.
@Suite struct WinogradTests {
  static let cases: [ConvolutionCase] = [
    // Gradients by tiles of four outputs in a row; the picture is whole tiles.
    .init(channels: 16, out: 32, kernel: 3, stride: 1, padding: 1, batch: 3, H: 8, W: 8),
    // Tiles that stick out on both sides; rows of the matrices that are no multiple of a kernel's.
    .init(channels: 32, out: 48, kernel: 3, stride: 1, padding: 1, H: 9, W: 11),
    .init(channels: 16, out: 16, kernel: 3, stride: 1, padding: 1, batch: 2),
    .init(channels: 48, out: 16, kernel: 3, stride: 1, padding: 1, batch: 3, H: 1, W: 1),
    .init(channels: 16, out: 16, kernel: 3, stride: 1, padding: 1, bias: true, H: 6, W: 5),
    // Several blocks of tiles, the last one with fewer.
    .init(channels: 16, out: 16, kernel: 3, stride: 1, padding: 1, batch: 9, H: 13, W: 12),
    // Whole panels of channels and a rest, read and written.
    .init(channels: 80, out: 48, kernel: 3, stride: 1, padding: 1, batch: 2, H: 10, W: 9),
    // Two pixels apart: even and odd pictures, windows that stick out on every side.
    .init(channels: 16, out: 32, kernel: 3, stride: 2, padding: 1, batch: 2, H: 8, W: 6),
    .init(channels: 32, out: 16, kernel: 3, stride: 2, padding: 1, H: 9, W: 7),
    .init(channels: 32, out: 48, kernel: 3, stride: 2, padding: 1, batch: 3, H: 25, W: 24),
    .init(channels: 48, out: 32, kernel: 3, stride: 2, padding: 1, batch: 2, H: 6, W: 11),
    .init(channels: 32, out: 32, kernel: 3, stride: 2, padding: 1, bias: true, H: 7, W: 8),
    .init(channels: 32, out: 32, kernel: 3, stride: 2, padding: 1, batch: 2, H: 1, W: 2),
    // Several blocks of tiles.
    .init(channels: 32, out: 32, kernel: 3, stride: 2, padding: 1, batch: 9, H: 23, W: 26),
  ]

  @Test(arguments: cases)
  func `a convolution and its three gradients`(_ c: ConvolutionCase) throws {
    var check = GraphCheck(
      TinyGraph.around(c.operation, H: c.H, W: c.W, channels: c.channels), batchSize: c.batch)
    try check.run()
  }

  /// Its rows have gaps, which these kernels read over; the picture is inner tiles and some at the border.
  @Test(arguments: [1, 2]) func `some channels of a wider value`(stride: Int) throws {
    var tiny = TinyGraph()
    let x = tiny.lead(14, 13, channels: 80)
    let part = tiny.node(.slice(from: 16, count: 32), x, name: "part")
    let layer = ConvolutionCase(channels: 32, out: 32, kernel: 3, stride: stride, padding: 1)
    tiny.output(tiny.node(layer.operation, part, name: "c"))
    tiny.output(x)
    var check = GraphCheck(tiny.graph, batchSize: 2)
    try check.run()
  }

  /// Scales of 1, so that the outputs are the sums themselves.
  ///
  /// Pictures and weights at the ends of their grids are what comes nearest to running over in 16 and
  /// 32 bits; 9·32·255·127 is a whole number of FP32.
  @Test(
    .enabled(if: ComputeDescription.current.hasExactIntegerConvolutions),
    arguments: [(8, 6, 1), (7, 9, 3), (13, 20, 2)], [Extreme.none, .same, .alternating])
  func `sums of integers are exact`(size: (H: Int, W: Int, batch: Int), extreme: Extreme) throws {
    let (C, O) = (32, 16)
    var tiny = TinyGraph()
    let image = tiny.builder.input("image", shape: [size.H, size.W, C])
    let q = tiny.node(.fakeQuantize(site: 0), image, name: "q")
    let layer = ConvolutionCase(channels: C, out: O, kernel: 3, stride: 1, padding: 1)
    tiny.output(tiny.node(layer.operation, q, name: "c"))
    var check = GraphCheck(
      tiny.graph.withSites(1).withWeightBits(8), batchSize: size.batch, seed: 7)
    check.options.integerConvolutions = true
    check.quantizationMode = .quantize
    check.grids = [Grid(scale: 1, zeroPoint: -128, minimum: -128, maximum: 127)]
    var random = Philox(seed: 8)
    check.input = check.input.indices.map { i in
      extreme == .none ? Float(random.integer(below: 256)) : extreme.sign(i) > 0 ? 255 : 0
    }
    let weights = (0..<O * C * 9).map { i in
      // The first of every output makes its scale 1.
      extreme != .none || i % (C * 9) == 0
        ? 127 * extreme.sign(i / (C * 9) + i) : Float(random.integer(below: 255)) - 127
    }
    check.weights["c.weight"] = Tensor(weights, shape: [O, C, 3, 3])
    let output = check.outputs(of: try check.plan().0)[0]
    for n in 0..<size.batch {
      for h in 0..<size.H {
        for w in 0..<size.W {
          for o in 0..<O {
            var sum = 0
            for i in max(0, 1 - h)..<min(3, size.H + 1 - h) {
              for j in max(0, 1 - w)..<min(3, size.W + 1 - w) {
                let pixel = (n * size.H + h + i - 1) * size.W + w + j - 1
                for c in 0..<C {
                  sum +=
                    Int(check.input[pixel * C + c]) * Int(weights[((o * C + c) * 3 + i) * 3 + j])
                }
              }
            }
            let actual = output[((n * size.H + h) * size.W + w) * O + o]
            if actual != Float(sum) {
              Issue.record("picture \(n), (\(h), \(w)), output \(o): \(actual), not \(sum)")
              return
            }
          }
        }
      }
    }
  }

  /// Where numbers lie at the ends of their grids.
  enum Extreme: Sendable {
    case none, same, alternating

    func sign(_ i: Int) -> Float { self == .alternating && i % 2 == 1 ? -1 : 1 }
  }
}
