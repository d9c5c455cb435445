import CLanes
import Tensors

/// `dWeight = dy ∗ x` of 3 × 3 windows: the adjoint of `WinogradConvolution` to its weights.
///
/// Per element ξ of the sixteen of a transformed tile, `dU_ξ = (A·dy·Aᵀ)_ξᵀ·(Bᵀ·x·B)_ξ`: a product of
/// matrices `[O, tiles]` and `[tiles, C]`, summed over the tiles in their order; `dWeight = Gᵀ·dU·G`.
final class WinogradWeightGradient: ConvolutionPass {
  private let tiles: WinogradTiles
  private let C, O: Int
  private let x, dy: UnsafePointer<Float>
  private let dWeight: UnsafeMutablePointer<Float>
  private let scratch: SharedScratch

  init(
    _ g: Convolution.Geometry, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    dWeight: UnsafeMutablePointer<Float>, _ scratch: SharedScratch
  ) {
    precondition(g.isWinograd, "\(g)")
    tiles = WinogradTiles(N: g.N, H: g.H, W: g.W)
    (C, O, self.x, self.dy, self.dWeight) = (g.C, g.O, x, dy, dWeight)
    self.scratch = scratch
    scratch.reserve(
      byteCount: 4
        * (16 * tiles.place(channels: C) + 16 * tiles.place(channels: O) + 16 * C + O + 16 * O * C))
  }

  func run() {
    let (C, O, tiles) = (C, O, tiles)
    let (sourcePlace, gradientPlace) = (tiles.place(channels: C), tiles.place(channels: O))
    let v = scratch.base.assumingMemoryBound(to: Float.self)
    let m = v + 16 * sourcePlace
    let patch = m + 16 * gradientPlace
    let outside = patch + 16 * C
    let du = outside + O
    outside.update(repeating: 0, count: O)
    tiles.forEachBlock { first, count in
      tiles.forEach(from: first, count) { i, n, h, w in
        tiles.transform(
          x, C: C, n: n, h: h, w: w, patch: patch, into: v + i * C, place: sourcePlace)
        let (y00, y01, y10, y11) = tiles.outputs(
          dy, C: O, n: n, h: h, w: w, outside: UnsafePointer(outside))
        clanes_winograd_gradient(y00, y01, y10, y11, O, m + i * O, gradientPlace)
      }
      for element in 0..<16 {
        for block in 0..<C / 16 {
          clanes_outer_product_rows(
            m + element * gradientPlace, O, v + element * sourcePlace + block * 16, C, count,
            du + element * O * C + block * 16, C, first > 0, O)
        }
      }
    }
    for o in 0..<O {
      for c in stride(from: 0, to: C, by: 8) {
        clanes_winograd_weight_gradient(du + o * C + c, O * C, dWeight + (o * C + c) * 9)
      }
    }
  }
}
