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
      copyRows(
        x.base, stride: x.rowStride * x.format.byteCount, to: out.base,
        stride: out.rowStride * out.format.byteCount, rowCount: rowCount, byteCount: byteCount)
    }
    return
  }
  precondition(out.format != .gridByte, "only a pointwise pass puts numbers on a grid")
  if x.format == .gridByte, x.isDense, out.isDense {
    let count = rowCount * x.channels
    if out.format == .float32 {
      return decodeBytes(Float32Storage.self, x.base, out.base, count, decoding)
    }
    return decodeBytes(BFloat16Storage.self, x.base, out.base, count, decoding)
  }
  if x.format == .bfloat16, out.format == .float32, x.isDense, out.isDense {
    forEachLanes(rowCount * x.channels) { i, n in
      let values = loadLanes(BFloat16Storage.self, x.base + 2 * i, n)
      storeLanes(Float32Storage.self, values, out.base + 4 * i, n)
    }
    return
  }
  let step = Tile.rowCount(C: x.channels)
  var row = 0
  while row < rowCount {
    let count = min(step, rowCount - row)
    loadTile(x, row: row, rowCount: count, decoding: decoding, tile)
    storeTile(tile, out, row: row, rowCount: count)
    row += count
  }
}

/// Short rows, a few vectors each: a call for every one of them would cost more than the copy.
private func copyRows(
  _ source: UnsafeRawPointer, stride: Int, to target: UnsafeMutableRawPointer,
  stride targetStride: Int, rowCount: Int, byteCount: Int
) {
  let whole = byteCount / 16 * 16
  var (from, to) = (source, target)
  for _ in 0..<rowCount {
    var i = 0
    while i < whole {
      to.storeBytes(
        of: from.loadUnaligned(fromByteOffset: i, as: SIMD16<UInt8>.self), toByteOffset: i,
        as: SIMD16<UInt8>.self)
      i += 16
    }
    if i < byteCount { (to + i).copyMemory(from: from + i, byteCount: byteCount - i) }
    from += stride
    to += targetStride
  }
}

/// `out = (u + offset)·scale` over arrays without gaps.
@inline(__always)
private func decodeBytes<S: ElementStorage>(
  _ s: S.Type, _ u: UnsafeRawPointer, _ out: UnsafeMutableRawPointer, _ count: Int,
  _ decoding: Decoding
) {
  let (offset, scale) = (Lanes(repeating: decoding.offset), Lanes(repeating: decoding.scale))
  forEachLanes(count) { i, n in
    let x = (loadLanes(ByteStorage.self, u + i, n) + offset) * scale
    storeLanes(s, x, out + i * S.byteCount, n)
  }
}
