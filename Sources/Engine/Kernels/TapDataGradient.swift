import CLanes
import Tensors

/// `dx = weightᵀ ∗ dy` of 3 × 3 windows two pixels apart, one parity of rows and columns after the other.
///
/// The pixel `(2p + a, 2q + b)` meets tap `i = 1` of row p if a is 0, and taps 0 and 2 of rows p + 1 and p if
/// it is 1; columns likewise. Per parity that is a product of matrices `[pixels, taps·O]` and
/// `[taps·O, C]`, summed over the taps, then the outputs.
final class TapDataGradient: ConvolutionPass {
  static let name = "edgewise:taps"
  /// Numbers of the gradient that are worked on at a time: 64 KiB.
  private static let wantedCount = 16384

  /// Of a row or column of pixels of one parity: the taps it meets, and how many outputs further on.
  private static let taps: [[(tap: Int, offset: Int)]] = [[(1, 0)], [(0, 1), (2, 0)]]

  private struct Parity {
    var row, column: Int
    /// `[panels of channels][taps][O][channels of a panel]`, from here on in the weights.
    var firstWeight: Int
    var taps: [Int]
    var tapCount = 0
    /// By tap, in the padded gradient.
    var offsets: UnsafeMutablePointer<Int>
  }

  private let g: Convolution.Geometry
  private let dy, weight: UnsafePointer<Float>
  private let dx: UnsafeMutablePointer<Float>
  private let scratch: SharedScratch
  private let parities: [Parity]
  private let weights, offsets: AlignedBuffer
  private let step: Int

  static func computes(_ g: Convolution.Geometry) -> Bool {
    TapWeightGradient.computes(g) && g.padding == 1 && g.P == (g.H + 1) / 2
      && g.Q == (g.W + 1) / 2
  }

  init(
    _ g: Convolution.Geometry, dy: UnsafePointer<Float>, weight: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, _ scratch: SharedScratch
  ) {
    precondition(Self.computes(g), "\(g)")
    (self.g, self.dy, self.weight, self.dx, self.scratch) = (g, dy, weight, dx, scratch)
    step = max(1, Self.wantedCount / (g.Q * g.O))
    scratch.reserve(byteCount: (step + 1) * (g.Q + 1) * g.O * 4)
    weights = AlignedBuffer(byteCount: 9 * g.O * g.C * 4)
    offsets = AlignedBuffer(byteCount: 9 * MemoryLayout<Int>.stride)
    let places = offsets.base.assumingMemoryBound(to: Int.self)
    var (parities, count) = ([Parity](), 0)
    for row in 0..<2 {
      for column in 0..<2 {
        var parity = Parity(
          row: row, column: column, firstWeight: count * g.O * g.C, taps: [],
          offsets: places + count)
        for i in Self.taps[row] {
          for j in Self.taps[column] {
            parity.taps.append(i.tap * 3 + j.tap)
            places[count] = (i.offset * (g.Q + 1) + j.offset) * 16
            count += 1
          }
        }
        parity.tapCount = parity.taps.count
        parities.append(parity)
      }
    }
    self.parities = parities
  }

  var byteCount: Int { weights.byteCount }

  func prepareWeights() {
    let w = weights.base.assumingMemoryBound(to: Float.self)
    for parity in parities {
      for (s, tap) in parity.taps.enumerated() {
        WinogradTiles.forEachPanel(of: g.C) { first, columns in
          let panel = w + parity.firstWeight + first * parity.taps.count * g.O
          let to = panel + s * g.O * columns
          for o in 0..<g.O {
            let from = weight + (o * g.C + first) * 9 + tap
            for c in 0..<columns { to[o * columns + c] = from[c * 9] }
          }
        }
      }
    }
  }

  func run() {
    let padded = scratch.base.assumingMemoryBound(to: Float.self)
    for n in 0..<g.N {
      for first in stride(from: 0, to: g.P, by: step) {
        let end = min(first + step, g.P)
        pad(n, first..<end + 1, padded)
        for parity in 0..<4 { add(n, first..<end, parity, padded) }
      }
    }
  }

  /// Numbers from sixteen outputs of the padded gradient to the next sixteen.
  private var group: Int { (step + 1) * (g.Q + 1) * 16 }

  /// Rows of the gradient, with a column of zeros behind them, and zeros for a row behind the last one:
  /// `[O/16][rows][Q + 1][16]`.
  private func pad(_ n: Int, _ rows: Range<Int>, _ padded: UnsafeMutablePointer<Float>) {
    for p in rows {
      let line = padded + (p - rows.lowerBound) * (g.Q + 1) * 16
      let pixels = p < g.P ? g.Q : 0
      if pixels > 0 {
        clanes_group_channels(dy + (n * g.P + p) * g.Q * g.O, g.O, g.Q, line, group)
      }
      for i in 0..<g.O / 16 {
        (line + i * group + pixels * 16).update(repeating: 0, count: (g.Q + 1 - pixels) * 16)
      }
    }
  }

  /// The pixels of one parity over some rows.
  private func add(
    _ n: Int, _ rows: Range<Int>, _ index: Int, _ padded: UnsafePointer<Float>
  ) {
    let (row, column) = (parities[index].row, parities[index].column)
    let (taps, offsets) = (parities[index].tapCount, parities[index].offsets)
    let w = weights.base.assumingMemoryBound(to: Float.self) + parities[index].firstWeight
    let columns = (g.W - column + 1) / 2
    WinogradTiles.forEachPanel(of: g.C) { c, count in
      for p in rows where 2 * p + row < g.H {
        clanes_product_segment_rows(
          padded + (p - rows.lowerBound) * (g.Q + 1) * 16, offsets, taps, g.O / 16, group,
          w + c * taps * g.O, count,
          dx + ((n * g.H + 2 * p + row) * g.W + column) * g.C + c, 2 * g.C, columns)
      }
    }
  }
}
