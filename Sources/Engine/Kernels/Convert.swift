/// `out = x` row by row, from one format or stride to another.
///
/// Bytes are decoded to real numbers unless the destination holds bytes too.
/// - Shapes: `x`, `out` `[rowCount, C]`.
func convert(
  _ x: Rows, to out: Rows, rowCount: Int, decoding: Decoding, tile: UnsafeMutablePointer<Float>
) {
  precondition(x.channels == out.channels, "\(x.channels) and \(out.channels) channels")
  if x.format == out.format {
    let byteCount = x.channels * x.format.byteCount
    if x.isDense && out.isDense {
      out.base.copyMemory(from: x.base, byteCount: rowCount * byteCount)
    } else {
      for row in 0..<rowCount {
        out.address(row: row).copyMemory(from: x.address(row: row), byteCount: byteCount)
      }
    }
    return
  }
  precondition(out.format != .gridByte, "only a pointwise pass puts numbers on a grid")
  let step = Tile.rowCount(C: x.channels)
  var row = 0
  while row < rowCount {
    let count = min(step, rowCount - row)
    loadTile(x, row: row, rowCount: count, decoding: decoding, tile)
    storeTile(tile, out, row: row, rowCount: count)
    row += count
  }
}
