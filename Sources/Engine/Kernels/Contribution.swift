import CLanes

/// One consumer's share of a value's gradient: FP32, for all or some of its channels.
struct Contribution {
  /// The channels it covers, wherever they lie.
  var rows: Rows
  /// The first of the value's channels that it covers.
  var channel: Int

  func coversAll(of C: Int) -> Bool { channel == 0 && rows.channels == C }
}

/// `tile = Σ contributions`, zero where none covers a channel.
///
/// The order of the additions is that of the list.
/// - Shapes: `tile` `[rowCount, C]`.
func sumTile(
  _ contributions: UnsafeBufferPointer<Contribution>, C: Int, row: Int, rowCount: Int,
  _ tile: UnsafeMutablePointer<Float>
) {
  var isEmpty = true
  for part in contributions {
    if isEmpty {
      isEmpty = false
      if part.coversAll(of: C) {
        loadTile(part.rows, row: row, rowCount: rowCount, decoding: .none, tile)
        continue
      }
      tile.update(repeating: 0, count: rowCount * C)
    }
    let n = part.rows.channels
    for r in 0..<rowCount {
      let source = part.rows.address(row: row + r).assumingMemoryBound(to: Float.self)
      let target = tile + r * C + part.channel
      var i = 0
      while i + Lanes.width <= n {
        clanes_prefetch(source + i + rowCount * part.rows.rowStride)
        (Lanes(loading: target + i) + Lanes(loading: source + i)).store(target + i)
        i += Lanes.width
      }
      while i < n {
        target[i] += source[i]
        i += 1
      }
    }
  }
  if isEmpty { tile.update(repeating: 0, count: rowCount * C) }
}

/// `out = Σ contributions` over all rows, in the format of `out`.
func sumContributions(
  _ contributions: UnsafeBufferPointer<Contribution>, to out: Rows, rowCount: Int,
  tile: UnsafeMutablePointer<Float>
) {
  let step = Tile.rowCount(C: out.channels)
  var row = 0
  while row < rowCount {
    let count = min(step, rowCount - row)
    sumTile(contributions, C: out.channels, row: row, rowCount: count, tile)
    storeTile(tile, out, row: row, rowCount: count)
    row += count
  }
}
