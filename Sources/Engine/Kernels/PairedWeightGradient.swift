import CLanes
import Tensors

/// `dWeight = dy ∗ x` from bf16 to FP32, any stride: per tap the product of matrices `[O, pixels]` and
/// `[pixels, C]`, on instructions that take two pixels at a time.
///
/// Both are paired block by block of pixels, which costs little beside the products. Sums run over the
/// pixels in their order.
final class PairedWeightGradient: ConvolutionPass {
  static let name = "edgewise:bf16"
  /// Pixels of a block: what is paired of them stays in the second cache.
  private static let block = 256

  private let g: Convolution.Geometry
  private let x, dy: Rows
  private let dWeight: UnsafeMutablePointer<Float>
  private let scratch: SharedScratch
  /// A pixel outside the picture.
  private let zeros: AlignedBuffer

  init(
    _ g: Convolution.Geometry, x: Rows, dy: Rows, dWeight: UnsafeMutablePointer<Float>,
    _ scratch: SharedScratch
  ) {
    precondition(
      g.isOwn(weightGradient: .bfloat16, hasBias: false) && x.format == .bfloat16
        && dy.format == .bfloat16, "\(g)")
    (self.g, self.x, self.dy, self.dWeight, self.scratch) = (g, x, dy, dWeight, scratch)
    zeros = AlignedBuffer(byteCount: max(g.C, g.O) * 2)
    let sums = g.kernel == 1 ? 0 : g.kernel * g.kernel * g.O * g.C
    scratch.reserve(byteCount: (Self.block / 2 * (g.O + g.C) + sums) * 4)
  }

  var byteCount: Int { zeros.byteCount }

  func run() {
    let (C, O, taps) = (g.C, g.O, g.kernel * g.kernel)
    let group = Self.block / 2 * 16
    let a = scratch.base.assumingMemoryBound(to: UInt32.self)
    let b = a + Self.block / 2 * O
    let sums =
      taps == 1
      ? dWeight
      : UnsafeMutableRawPointer(b + Self.block / 2 * C).assumingMemoryBound(to: Float.self)
    let pixels = g.N * g.P * g.Q
    for first in stride(from: 0, to: pixels, by: Self.block) {
      let count = min(Self.block, pixels - first)
      pairGradients(from: first, count, into: a, group)
      for tap in 0..<taps {
        pairSources(from: first, count, row: tap / g.kernel, column: tap % g.kernel, into: b, group)
        let sums = sums + tap * O * C
        for c in stride(from: 0, to: C, by: 32) {
          for o in stride(from: 0, to: O, by: 16) {
            clanes_outer_half_rows(
              a + o / 16 * group, b + c / 16 * group, group, (count + 1) / 2, min(32, C - c),
              sums + o * C + c, C, first > 0)
          }
        }
      }
    }
    if taps == 1 { return }
    for o in 0..<O {
      for c in stride(from: 0, to: C, by: 16) {
        clanes_store_nine_taps(sums + o * C + c, O * C, dWeight + (o * C + c) * 9)
      }
    }
  }

  /// Pairs of `count` pixels, one after the other from `next`; the last may be alone.
  @inline(__always)
  private func pair(
    _ count: Int, channels: Int, into pairs: UnsafeMutablePointer<UInt32>, _ group: Int,
    next: () -> UnsafeRawPointer
  ) {
    for i in stride(from: 0, to: count, by: 2) {
      let one = next()
      let other = i + 1 < count ? next() : UnsafeRawPointer(zeros.base)
      clanes_pair_halves(one, other, channels, pairs + i / 2 * 16, group)
    }
  }

  private func pairGradients(
    from first: Int, _ count: Int, into pairs: UnsafeMutablePointer<UInt32>, _ group: Int
  ) {
    var pixel = first
    pair(count, channels: g.O, into: pairs, group) {
      defer { pixel += 1 }
      return UnsafeRawPointer(dy.address(row: pixel))
    }
  }

  /// Of the pixels that one tap of the windows meets.
  private func pairSources(
    from first: Int, _ count: Int, row: Int, column: Int,
    into pairs: UnsafeMutablePointer<UInt32>, _ group: Int
  ) {
    var (q, p) = (first % g.Q, first / g.Q % g.P)
    var n = first / (g.Q * g.P)
    pair(count, channels: g.C, into: pairs, group) {
      let (h, w) = (p * g.stride + row - g.padding, q * g.stride + column - g.padding)
      let isInside = h >= 0 && h < g.H && w >= 0 && w < g.W
      q += 1
      defer {
        if q == g.Q {
          (q, p) = (0, p + 1)
          if p == g.P { (p, n) = (0, n + 1) }
        }
      }
      return UnsafeRawPointer(
        isInside ? x.address(row: (n * g.H + h) * g.W + w) : zeros.base)
    }
  }
}
