import CLanes
import Tensors

/// `dWeight = dy ∗ x` of 3 × 3 windows: the adjoint of `WinogradConvolution` to its weights.
///
/// Per element ξ of a transformed tile, `dU_ξ = (A·dy·Aᵀ)_ξᵀ·(Bᵀ·x·B)_ξ`: a product of matrices `[O, tiles]`
/// and `[tiles, C]`, summed over the tiles in their order; `dWeight = Gᵀ·dU·G`.
final class WinogradWeightGradient: ConvolutionPass {
  private let tiles: WinogradTiles
  private let C, O: Int
  private let x, dy: Rows
  private let dWeight: UnsafeMutablePointer<Float>
  private let scratch: SharedScratch

  init(
    _ g: Convolution.Geometry, x: Rows, dy: Rows, dWeight: UnsafeMutablePointer<Float>,
    _ scratch: SharedScratch
  ) {
    precondition(g.isWinograd, "\(g)")
    // Few large tiles do not outweigh more elements of the weights' gradient to write and turn back,
    // unless that is quick.
    let share = clanes_columns() > 16 ? 0.9 : 0.7
    let form = g.stride == 1 ? WinogradTiles.form(H: g.H, W: g.W, atMost: share) : .strided
    tiles = WinogradTiles(N: g.N, H: g.P, W: g.Q, form, source: (g.H, g.W))
    (C, O, self.x, self.dy, self.dWeight) = (g.C, g.O, x, dy, dWeight)
    self.scratch = scratch
    let room =
      tiles.roomForBlock(channels: C) + tiles.roomForBlock(channels: O)
      + tiles.roomForPatch(channels: max(C, O)) + tiles.form.weightElements * O * C
    scratch.reserve(byteCount: room * 4)
  }

  var name: String { tiles.form.name }

  func run() {
    let (C, O, tiles) = (C, O, tiles)
    let (sourcePlace, gradientPlace) = (tiles.place(channels: C), tiles.place(channels: O))
    let v = scratch.base.assumingMemoryBound(to: Float.self)
    let m = v + tiles.roomForBlock(channels: C)
    let patch = m + tiles.roomForBlock(channels: O)
    let du = patch + tiles.roomForPatch(channels: max(C, O))
    tiles.forEachBlock { first, count in
      tiles.forEach(from: first, count) { i, n, h, w in
        tiles.transformSource(
          x, n: n, h: h, w: w, patch: patch, into: v + i * 16, place: sourcePlace)
        tiles.transformGradient(
          dy, n: n, h: h, w: w, patch: patch, into: m + i * 16, place: gradientPlace)
      }
      for element in 0..<tiles.form.elements {
        let du = du + tiles.form.weightElement(element) * O * C
        let adds = first > 0 || tiles.form.sharesWeights(element)
        WinogradTiles.forEachPanel(of: C) { c, columns in
          for o in stride(from: 0, to: O, by: 16) {
            clanes_outer_product_rows(
              m + element * gradientPlace + o * tiles.block,
              v + element * sourcePlace + c * tiles.block, tiles.group, count, columns,
              du + o * C + c, C, adds)
          }
        }
      }
    }
    for o in 0..<O {
      for c in stride(from: 0, to: C, by: 16) {
        let (from, to) = (du + o * C + c, dWeight + (o * C + c) * 9)
        switch tiles.form {
        case .two: clanes_winograd2_weight_gradient(from, O * C, to)
        case .four: clanes_winograd4_weight_gradient(from, O * C, to)
        case .strided, .stridedData: clanes_strided_weight_gradient(from, O * C, to)
        }
      }
    }
  }
}
