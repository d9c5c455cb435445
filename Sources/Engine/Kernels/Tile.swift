import CLanes

/// Some rows of a value as dense FP32 numbers in the first cache.
///
/// The passes between convolutions run tile by tile: each stage of a pass is one loop over a tile, so
/// that stages combine freely and memory beyond the cache is read and written once.
/// - Shapes: `[rows, C]`, rows · C ≤ `Tile.capacity` unless one row is longer.
enum Tile {
  /// Elements: 8 KiB.
  static let capacity = 2048

  static func rowCount(C: Int) -> Int { max(1, capacity / C) }
}

/// What makes the bytes of a grid real numbers: `x = (u + offset)·scale`.
struct Decoding {
  var offset: Float
  var scale: Float

  /// For values that are real numbers already, and for bytes to be read as the integers they are.
  static var none: Decoding { Decoding(offset: 0, scale: 1) }
}

/// `tile = rows` from `row` on, as real numbers.
func loadTile(
  _ source: Rows, row: Int, rowCount: Int, decoding: Decoding, _ tile: UnsafeMutablePointer<Float>
) {
  switch source.format {
  case .float32: loadTile(Float32Storage.self, source, row, rowCount, .none, tile)
  case .bfloat16: loadTile(BFloat16Storage.self, source, row, rowCount, .none, tile)
  case .gridByte: loadTile(ByteStorage.self, source, row, rowCount, decoding, tile)
  }
}

/// `rows = tile` from `row` on; bytes take whole numbers 0 ... 255.
func storeTile(
  _ tile: UnsafePointer<Float>, _ destination: Rows, row: Int, rowCount: Int
) {
  switch destination.format {
  case .float32: storeTile(Float32Storage.self, tile, destination, row, rowCount)
  case .bfloat16: storeTile(BFloat16Storage.self, tile, destination, row, rowCount)
  case .gridByte: storeTile(ByteStorage.self, tile, destination, row, rowCount)
  }
}

/// `rows = tile` from `row` on as steps above the lowest point of `grid`, taking the tile's extremes in.
func storeBytes(
  _ tile: UnsafePointer<Float>, _ grid: GridLanes, _ destination: Rows, row: Int, rowCount: Int,
  _ extremes: inout Extremes
) {
  let (scale, base) = (Lanes(repeating: grid.scale), Lanes(repeating: grid.lowest))
  let top = Lanes(repeating: grid.highest)
  // As `GridLanes.steps`, which is not inlined into a loop this deep.
  @inline(__always) func steps(_ x: Lanes) -> Lanes {
    (x / scale).lower(top).higher(base).roundedToEven() - base
  }
  var (low, high) = (Lanes(repeating: extremes.low), Lanes(repeating: extremes.high))
  forEachRun(destination, row: row, rowCount: rowCount) { address, start, count in
    var i = 0
    while i + Lanes.width <= count {
      let x = Lanes(loading: tile + start + i)
      low = low.lower(x)
      high = high.higher(x)
      ByteStorage.store(steps(x), address + i)
      i += Lanes.width
    }
    if i < count {
      let x = Lanes(loading: tile + start + i, count: count - i)
      // Lanes behind the last element would be zeros: they repeat the first instead.
      var seen = Lanes(repeating: x[0])
      for lane in 0..<count - i { seen[lane] = x[lane] }
      low = low.lower(seen)
      high = high.higher(seen)
      storeLanes(ByteStorage.self, steps(x), address + i, count - i)
    }
  }
  extremes = Extremes(low: low.min(), high: high.max())
}

@inline(__always)
private func loadTile<S: ElementStorage>(
  _ s: S.Type, _ source: Rows, _ row: Int, _ rowCount: Int, _ decoding: Decoding,
  _ tile: UnsafeMutablePointer<Float>
) {
  let (offset, scale) = (Lanes(repeating: decoding.offset), Lanes(repeating: decoding.scale))
  // Only bytes are decoded: adding 0 would turn -0 into 0.
  @inline(__always) func decoded(_ x: Lanes) -> Lanes {
    S.self == ByteStorage.self ? (x + offset) * scale : x
  }
  forEachRun(source, row: row, rowCount: rowCount) { address, start, count in
    var i = 0
    while i + Lanes.width <= count {
      clanes_prefetch(address + (i + count) * S.byteCount)
      decoded(S.load(address + i * S.byteCount)).store(tile + start + i)
      i += Lanes.width
    }
    if i < count {
      decoded(loadLanes(s, address + i * S.byteCount, count - i))
        .store(tile + start + i, count: count - i)
    }
  }
}

@inline(__always)
private func storeTile<S: ElementStorage>(
  _ s: S.Type, _ tile: UnsafePointer<Float>, _ destination: Rows, _ row: Int, _ rowCount: Int
) {
  forEachRun(destination, row: row, rowCount: rowCount) { address, start, count in
    var i = 0
    while i + Lanes.width <= count {
      S.store(Lanes(loading: tile + start + i), address + i * S.byteCount)
      i += Lanes.width
    }
    if i < count {
      storeLanes(
        s, Lanes(loading: tile + start + i, count: count - i), address + i * S.byteCount, count - i)
    }
  }
}

/// The first `count` elements at `p`, reading nothing behind them.
@inline(__always)
func loadLanes<S: ElementStorage>(_ s: S.Type, _ p: UnsafeRawPointer, _ count: Int) -> Lanes {
  if count == Lanes.width { return S.load(p) }
  var room = Lanes.zero
  return withUnsafeMutableBytes(of: &room) { buffer in
    buffer.baseAddress!.copyMemory(from: p, byteCount: count * S.byteCount)
    return S.load(UnsafeRawPointer(buffer.baseAddress!))
  }
}

/// The first `count` lanes to `p`, writing nothing behind them.
@inline(__always)
func storeLanes<S: ElementStorage>(
  _ s: S.Type, _ x: Lanes, _ p: UnsafeMutableRawPointer, _ count: Int
) {
  if count == Lanes.width { return S.store(x, p) }
  var room = Lanes.zero
  withUnsafeMutableBytes(of: &room) { buffer in
    S.store(x, buffer.baseAddress!)
    p.copyMemory(from: buffer.baseAddress!, byteCount: count * S.byteCount)
  }
}

/// The stretches of memory without gaps: `body(address, first element of the tile, count)`.
@inline(__always)
private func forEachRun(
  _ rows: Rows, row: Int, rowCount: Int, _ body: (UnsafeMutableRawPointer, Int, Int) -> Void
) {
  if rows.isDense {
    body(rows.address(row: row), 0, rowCount * rows.channels)
  } else {
    for r in 0..<rowCount {
      let address = rows.address(row: row + r)
      for i in stride(from: 0, to: rows.channels * rows.format.byteCount, by: 64) {
        clanes_prefetch(address + rowCount * rows.rowStride * rows.format.byteCount + i)
      }
      body(address, r * rows.channels, rows.channels)
    }
  }
}
