import CLanes

/// The outputs of a 3×3 convolution as tiles of 2 × 2, picture after picture, row after row; tiles at an
/// odd last row or column stick out.
///
/// They are worked on block by block: what a block is in between stays in the second cache. Every tile
/// is computed in the same way whatever its block.
struct WinogradTiles {
  /// About as many tiles are a block: enough for the transformed weights to be worth reading.
  private static let wantedBlock = 48
  /// Rows of the matrix kernel.
  private static let group = 6
  /// Numbers between the ends of one element's tiles and the beginning of the next one's, so that the
  /// sixteen elements of a tile do not all fall on the same lines of the first cache.
  static let gap = 32

  let N, H, W: Int
  let rows, columns: Int
  /// Tiles of a block; the last one may have fewer.
  let block: Int

  init(N: Int, H: Int, W: Int) {
    (self.N, self.H, self.W) = (N, H, W)
    (rows, columns) = ((H + 1) / 2, (W + 1) / 2)
    let count = N * rows * columns
    let blocks = max(1, (count + Self.wantedBlock / 2) / Self.wantedBlock)
    let even = (count + blocks - 1) / blocks
    block = (even + Self.group - 1) / Self.group * Self.group
  }

  var count: Int { N * rows * columns }

  /// Numbers from one element of the transformed tiles of a block to the next.
  func place(channels: Int) -> Int { block * channels + Self.gap }

  /// Calls `body(first tile, tiles)` for block after block.
  @inline(__always)
  func forEachBlock(_ body: (Int, Int) -> Void) {
    var first = 0
    while first < count {
      body(first, min(block, count - first))
      first += block
    }
  }

  /// Calls `body(number in the block, picture, row, column)` with the upper left output of every tile.
  @inline(__always)
  func forEach(from first: Int, _ count: Int, _ body: (Int, Int, Int, Int) -> Void) {
    var n = first / (rows * columns)
    var row = first / columns % rows
    var column = first % columns
    for i in 0..<count {
      body(i, n, 2 * row, 2 * column)
      column += 1
      if column == columns {
        (column, row) = (0, row + 1)
        if row == rows { (row, n) = (0, n + 1) }
      }
    }
  }

  /// `v = Bᵀ·d·B` of the 4 × 4 pixels that the tile at (n, h, w) reads; zeros around the picture.
  ///
  /// - Parameter patch: room for 16 pixels.
  @inline(__always)
  func transform(
    _ x: UnsafePointer<Float>, C: Int, n: Int, h: Int, w: Int, patch: UnsafeMutablePointer<Float>,
    into v: UnsafeMutablePointer<Float>, place: Int
  ) {
    let picture = x + n * H * W * C
    if h > 0 && w > 0 && h + 3 <= H && w + 3 <= W {
      clanes_winograd_source(picture + ((h - 1) * W + w - 1) * C, W * C, C, C, v, place)
      return
    }
    for i in 0..<4 {
      for j in 0..<4 {
        let (row, column) = (h - 1 + i, w - 1 + j)
        let pixel = patch + (4 * i + j) * C
        if row >= 0 && column >= 0 && row < H && column < W {
          pixel.update(from: picture + (row * W + column) * C, count: C)
        } else {
          pixel.update(repeating: 0, count: C)
        }
      }
    }
    clanes_winograd_source(UnsafePointer(patch), 4 * C, C, C, v, place)
  }

  /// Where the four outputs of the tile at (n, h, w) lie in `y`; `outside` for those that stick out.
  @inline(__always)
  func outputs<P: Strideable>(_ y: P, C: Int, n: Int, h: Int, w: Int, outside: P) -> (P, P, P, P)
  where P.Stride == Int {
    let first = y.advanced(by: ((n * H + h) * W + w) * C)
    let (hasRight, hasLower) = (w + 1 < W, h + 1 < H)
    return (
      first, hasRight ? first.advanced(by: C) : outside,
      hasLower ? first.advanced(by: W * C) : outside,
      hasRight && hasLower ? first.advanced(by: (W + 1) * C) : outside
    )
  }
}

extension Convolution.Geometry {
  /// Whether sixteen products do the work of thirty-six here: 3 × 3 windows one pixel apart over whole
  /// vectors of channels, on a processor of eight numbers at a time. A wider one's FP32 kernels in
  /// oneDNN leave less to gain, and there this was never measured.
  var isWinograd: Bool {
    kernel == 3 && stride == 1 && padding == 1 && groups == 1 && C % 16 == 0 && O % 16 == 0
      && P == H && Q == W && clanes_has_winograd()
  }
}
