import CLanes

extension Pointwise {
  /// `dx = a[c]·dz + b[c]·x + d[c]`.
  ///
  /// - Parameter dx: FP32 or bf16; may be the memory of `dz`.
  func combine(
    x: Operand, dz: Rows, a: UnsafePointer<Float>, b: UnsafePointer<Float>,
    d: UnsafePointer<Float>, dx: Rows, tiles: Tiles
  ) {
    let step = Tile.rowCount(C: C)
    let isHalf = dz.format == .bfloat16 && dx.format == .bfloat16
    var row = 0
    while row < rows {
      let n = min(step, rows - row)
      let x = strip(x, row, n, tiles.x, halves: isHalf)
      let g = strip(Operand(rows: dz, decoding: .none), row, n, tiles.b, halves: isHalf)
      let isStored = dx.format == g.format
      let out = isStored ? Strip(dx, row: row) : Strip(tile: tiles.a, C: C)
      switch (x.format, g.format) {
      case (.float32, .float32):
        combine(Float32Storage.self, Float32Storage.self, x, g, a, b, d, out, n)
      case (.float32, _): combine(Float32Storage.self, BFloat16Storage.self, x, g, a, b, d, out, n)
      default: combine(BFloat16Storage.self, BFloat16Storage.self, x, g, a, b, d, out, n)
      }
      if !isStored { storeTile(out.floats, dx, row: row, rowCount: n) }
      row += n
    }
  }

  /// Over one tile; `dz` and `dx` lie in the same format.
  @inline(__always)
  private func combine<X: ElementStorage, G: ElementStorage>(
    _: X.Type, _: G.Type, _ x: Strip, _ dz: Strip, _ a: UnsafePointer<Float>,
    _ b: UnsafePointer<Float>, _ d: UnsafePointer<Float>, _ dx: Strip, _ rowCount: Int
  ) {
    forEachLanes(C) { c, width in
      let a = Lanes(loading: a + c, upTo: width)
      let b = Lanes(loading: b + c, upTo: width)
      let d = Lanes(loading: d + c, upTo: width)
      var (i, j, k) = (
        x.base + c * X.byteCount, dz.base + c * G.byteCount, dx.base + c * G.byteCount
      )
      for _ in 0..<rowCount {
        clanes_prefetch(i + rowCount * x.stride * X.byteCount)
        clanes_prefetch(j + rowCount * dz.stride * G.byteCount)
        let sum = d.adding(loadLanes(X.self, i, width), times: b)
          .adding(loadLanes(G.self, j, width), times: a)
        storeLanes(G.self, sum, k, width)
        i += x.stride * X.byteCount
        j += dz.stride * G.byteCount
        k += dx.stride * G.byteCount
      }
    }
  }
}
