import CLanes
import Tensors

/// `y = weight ∗ x + bias` for 3 × 3 windows, or `dx = weightᵀ ∗ dy`, by Winograd's products.
///
/// Per element ξ of a transformed tile, `M_ξ = V_ξ·U_ξ`: a product of matrices `[tiles, C]` and `[C, O]`. An
/// output is the sum over the channels in their order, so it depends on its own pixels alone.
final class WinogradConvolution: ConvolutionPass {
  private let tiles: WinogradTiles
  /// Channels read and written.
  private let C, O: Int
  private let x, y: Rows
  private let weight: UnsafePointer<Float>
  /// From one output's numbers in the stored weights to the next one's, and from one input's.
  private let outputStride, inputStride: Int
  private let isTransposed: Bool
  /// `[elements of the weights][panels of outputs][C][outputs of a panel]`.
  private let transformed: AlignedBuffer
  /// Numbers from one element to the next: a line more than it has, so that not all fall on the same lines
  /// of the first cache.
  private let weightPlace: Int
  private let bias: UnsafePointer<Float>
  private let noBias: AlignedBuffer
  private let scratch: SharedScratch

  /// The forward pass.
  convenience init(
    _ g: Convolution.Geometry, x: Rows, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    y: Rows, _ scratch: SharedScratch
  ) {
    // Where the result is rounded to bf16, large tiles round next to nothing.
    let form: WinogradForm = g.stride == 2 ? .strided : y.format == .bfloat16 ? .four : .two
    self.init(
      g, WinogradTiles(N: g.N, H: g.P, W: g.Q, form, source: (g.H, g.W)),
      C: g.C, O: g.O, isTransposed: false, x: x, weight: weight, bias: bias, y: y, scratch)
  }

  /// The backward pass to the data, `dy` in and `dx` out.
  convenience init(
    _ g: Convolution.Geometry, dy: Rows, weight: UnsafePointer<Float>, dx: Rows,
    _ scratch: SharedScratch
  ) {
    self.init(
      g,
      WinogradTiles(
        N: g.N, H: g.H, W: g.W,
        g.stride == 1 ? WinogradTiles.form(H: g.H, W: g.W, atMost: 0.9) : .stridedData,
        source: (g.P, g.Q)),
      C: g.O, O: g.C, isTransposed: true, x: dy, weight: weight, bias: nil, y: dx, scratch)
  }

  private init(
    _ g: Convolution.Geometry, _ tiles: WinogradTiles, C: Int, O: Int, isTransposed: Bool,
    x: Rows, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>?, y: Rows,
    _ scratch: SharedScratch
  ) {
    precondition(g.isWinograd && y.isDense && x.format == y.format, "\(g)")
    self.tiles = tiles
    (self.C, self.O, self.x, self.y, self.weight) = (C, O, x, y, weight)
    self.isTransposed = isTransposed
    (outputStride, inputStride) = isTransposed ? (9, 9 * g.C) : (9 * g.C, 9)
    weightPlace = C * O + 16
    transformed = AlignedBuffer(byteCount: tiles.form.weightElements * weightPlace * 4)
    noBias = AlignedBuffer(byteCount: bias == nil ? O * 4 : 0)
    self.bias = bias ?? UnsafePointer(noBias.base.assumingMemoryBound(to: Float.self))
    self.scratch = scratch
    let room =
      tiles.roomForBlock(channels: C) + tiles.roomForBlock(channels: O)
      + tiles.roomForPatch(channels: max(C, O))
    scratch.reserve(byteCount: room * 4)
  }

  var name: String { tiles.form.name }

  var byteCount: Int { transformed.byteCount + noBias.byteCount }

  func prepareWeights() {
    let u = transformed.base.assumingMemoryBound(to: Float.self)
    WinogradTiles.forEachPanel(of: O) { first, columns in
      for o in stride(from: 0, to: columns, by: 16) {
        let (from, to) = (weight + (first + o) * outputStride, u + first * C + o)
        switch tiles.form {
        case .two:
          clanes_winograd2_weights(
            from, outputStride, inputStride, C, isTransposed, to, columns, weightPlace)
        case .four:
          clanes_winograd4_weights(
            from, outputStride, inputStride, C, isTransposed, to, columns, weightPlace)
        case .strided, .stridedData:
          clanes_strided_weights(
            from, outputStride, inputStride, C, isTransposed, to, columns, weightPlace)
        }
      }
    }
  }

  func run() {
    let (C, O, tiles) = (C, O, tiles)
    let (sourcePlace, targetPlace) = (tiles.place(channels: C), tiles.place(channels: O))
    let u = UnsafePointer(transformed.base.assumingMemoryBound(to: Float.self))
    let v = scratch.base.assumingMemoryBound(to: Float.self)
    let m = v + tiles.roomForBlock(channels: C)
    let patch = m + tiles.roomForBlock(channels: O)
    tiles.forEachBlock { first, count in
      tiles.forEach(from: first, count) { i, n, h, w in
        tiles.transformSource(
          x, n: n, h: h, w: w, patch: patch, into: v + i * 16, place: sourcePlace)
      }
      for element in 0..<tiles.form.elements {
        let u = u + tiles.form.weightElement(element) * weightPlace
        WinogradTiles.forEachPanel(of: O) { o, columns in
          clanes_product_rows(
            v + element * sourcePlace, C / 16, tiles.group, u + o * C, columns,
            m + element * targetPlace + o, O, count)
        }
      }
      tiles.forEach(from: first, count) { i, n, h, w in
        tiles.storeTarget(
          m + i * O, place: targetPlace, bias: bias, n: n, h: h, w: w, patch: patch, into: y)
      }
    }
  }
}
