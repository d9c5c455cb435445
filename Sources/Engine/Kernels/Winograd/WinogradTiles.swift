import CLanes

/// The outputs of a 3×3 convolution as square tiles, picture after picture, row after row; tiles at the
/// last rows and columns may stick out.
///
/// They are worked on block by block: what a block is in between stays in the second cache. Every tile
/// is computed in the same way whatever its block.
struct WinogradTiles {
  /// About as many tiles are a block: enough for the transformed weights to be worth reading.
  private static let wantedBlock = 48
  /// Numbers between the ends of one element's tiles and the beginning of the next one's, so that the
  /// elements of a tile do not all fall on the same lines of the first cache.
  private static let gap = 32

  let N, H, W: Int
  /// Of the pictures that tiles are computed from.
  let sourceH, sourceW: Int
  let form: WinogradForm
  let rows, columns: Int
  /// Tiles of a block; the last one may have fewer.
  let block: Int

  /// - Parameter source: rows and columns that are read, if they are not as many as are written.
  init(N: Int, H: Int, W: Int, _ form: WinogradForm, source: (H: Int, W: Int)? = nil) {
    (self.N, self.H, self.W, self.form) = (N, H, W, form)
    (sourceH, sourceW) = source ?? (H, W)
    rows = (H + form.side - 1) / form.side
    columns = (W + form.side - 1) / form.side
    let count = N * rows * columns
    let blocks = max(1, (count + Self.wantedBlock / 2) / Self.wantedBlock)
    let even = (count + blocks - 1) / blocks
    let rowsAtATime = clanes_rows()
    block = (even + rowsAtATime - 1) / rowsAtATime * rowsAtATime
  }

  /// Of the two forms for windows one pixel apart the larger, where it asks for at most `share` of the
  /// products of the smaller.
  static func form(H: Int, W: Int, atMost share: Double) -> WinogradForm {
    func products(_ form: WinogradForm) -> Double {
      Double(WinogradTiles(N: 1, H: H, W: W, form).count * form.elements)
    }
    return products(.four) <= share * products(.two) ? .four : .two
  }

  var count: Int { N * rows * columns }

  /// Numbers from sixteen channels of an element of a block's transformed tiles to the next sixteen.
  var group: Int { block * 16 }

  /// Numbers from one element of the transformed tiles of a block to the next.
  func place(channels: Int) -> Int { block * channels + Self.gap }

  /// Room for the tiles of a block, transformed.
  func roomForBlock(channels: Int) -> Int { form.elements * place(channels: channels) }

  /// Room for what one tile reads.
  func roomForPatch(channels: Int) -> Int { form.elements * channels }

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
      body(i, n, row * form.side, column * form.side)
      column += 1
      if column == columns {
        (column, row) = (0, row + 1)
        if row == rows { (row, n) = (0, n + 1) }
      }
    }
  }
}
