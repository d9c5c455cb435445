import CLanes

/// The outputs of a 3×3 convolution as square tiles, picture after picture, row after row; tiles at the
/// last rows and columns may stick out.
///
/// They are worked on block by block: what a block is in between stays in the second cache. Every tile
/// is computed in the same way whatever its block.
struct WinogradTiles {
  /// Outputs in a row of a tile.
  enum Side: Int {
    /// F(2×2, 3×3): as good as a plain sum in FP32.
    case two = 2
    /// F(4×4, 3×3): ten times the rounding error, some 2e-6 of a sum. For gradients.
    case four = 4

    /// Inputs in a row of a tile.
    var sourceSide: Int { rawValue + 2 }
    /// Of a transformed tile.
    var elements: Int { sourceSide * sourceSide }
  }

  /// About as many tiles are a block: enough for the transformed weights to be worth reading.
  private static let wantedBlock = 48
  /// Numbers between the ends of one element's tiles and the beginning of the next one's, so that the
  /// elements of a tile do not all fall on the same lines of the first cache.
  private static let gap = 32

  let N, H, W: Int
  let side: Side
  let rows, columns: Int
  /// Tiles of a block; the last one may have fewer.
  let block: Int

  init(N: Int, H: Int, W: Int, side: Side) {
    (self.N, self.H, self.W, self.side) = (N, H, W, side)
    rows = (H + side.rawValue - 1) / side.rawValue
    columns = (W + side.rawValue - 1) / side.rawValue
    let count = N * rows * columns
    let blocks = max(1, (count + Self.wantedBlock / 2) / Self.wantedBlock)
    let even = (count + blocks - 1) / blocks
    let rowsAtATime = clanes_rows()
    block = (even + rowsAtATime - 1) / rowsAtATime * rowsAtATime
  }

  /// The larger tiles where they ask for at most `share` of the products of the smaller ones.
  static func side(H: Int, W: Int, atMost share: Double) -> Side {
    func products(_ side: Side) -> Double {
      let tiles = WinogradTiles(N: 1, H: H, W: W, side: side)
      return Double(tiles.count * side.elements)
    }
    return products(.four) <= share * products(.two) ? .four : .two
  }

  var count: Int { N * rows * columns }

  /// Numbers from sixteen channels of an element of a block's transformed tiles to the next sixteen.
  var group: Int { block * 16 }

  /// Numbers from one element of the transformed tiles of a block to the next.
  func place(channels: Int) -> Int { block * channels + Self.gap }

  /// Room for the tiles of a block, transformed.
  func roomForBlock(channels: Int) -> Int { side.elements * place(channels: channels) }

  /// Room for what one tile reads.
  func roomForPatch(channels: Int) -> Int { side.elements * channels }

  /// Calls `body(first tile, tiles)` for block after block.
  @inline(__always)
  func forEachBlock(_ body: (Int, Int) -> Void) {
    var first = 0
    while first < count {
      body(first, min(block, count - first))
      first += block
    }
  }

  /// Calls `body(first, count)` for panels of channels that the matrix kernels take at a time.
  @inline(__always)
  static func forEachPanel(of channels: Int, _ body: (Int, Int) -> Void) {
    var first = 0
    while first < channels {
      body(first, min(clanes_columns(), channels - first))
      first += clanes_columns()
    }
  }

  /// Calls `body(number in the block, picture, row, column)` with the upper left output of every tile.
  @inline(__always)
  func forEach(from first: Int, _ count: Int, _ body: (Int, Int, Int, Int) -> Void) {
    var n = first / (rows * columns)
    var row = first / columns % rows
    var column = first % columns
    for i in 0..<count {
      body(i, n, row * side.rawValue, column * side.rawValue)
      column += 1
      if column == columns {
        (column, row) = (0, row + 1)
        if row == rows { (row, n) = (0, n + 1) }
      }
    }
  }
}

extension Convolution.Geometry {
  /// Whether Winograd's products do the work here: 3 × 3 windows one pixel apart over whole vectors of
  /// channels.
  var isWinograd: Bool {
    kernel == 3 && stride == 1 && padding == 1 && groups == 1 && C % 16 == 0 && O % 16 == 0
      && P == H && Q == W && hasOwnConvolutions
  }
}
