import CLanes

/// One consumer's share of a value's gradient: FP32 or bf16, for all or some of its channels.
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
    if part.rows.format == .float32 {
      addRows(Float32Storage.self, part.rows, row, rowCount, to: tile + part.channel, stride: C)
    } else {
      addRows(BFloat16Storage.self, part.rows, row, rowCount, to: tile + part.channel, stride: C)
    }
  }
  if isEmpty { tile.update(repeating: 0, count: rowCount * C) }
}

@inline(__always)
private func addRows<S: ElementStorage>(
  _ s: S.Type, _ rows: Rows, _ row: Int, _ rowCount: Int, to target: UnsafeMutablePointer<Float>,
  stride: Int
) {
  for r in 0..<rowCount {
    let (source, target) = (rows.address(row: row + r), target + r * stride)
    forEachLanes(rows.channels) { i, n in
      let address = source + i * S.byteCount
      clanes_prefetch(address + rowCount * rows.rowStride * S.byteCount)
      (Lanes(loading: target + i, upTo: n) + loadLanes(s, address, n)).store(target + i, upTo: n)
    }
  }
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
