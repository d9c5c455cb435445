import Graphs

/// What happens to every element between two convolutions, in one pass over memory:
/// `out = q₂(q₁(f(x·gain[c] + shift[c])) + residual)`, each part optional, watching the extremes of
/// what the sites `q₁` and `q₂` see.
///
/// - Shapes: `x`, `residual`, `out` `[rows, C]` (rows = N·H·W, channels last); `gain`, `shift` `[C]`.
struct Pointwise {
  var rows: Int
  var C: Int
  var activation: Activation?

  /// An operand and what makes its elements real numbers.
  struct Operand {
    var rows: Rows
    var decoding: Decoding
  }

  /// The two sites of a pass: how they work, and what they saw.
  struct Sites {
    var inner = SiteMode.off
    var outer = SiteMode.off
    var innerExtremes = Extremes()
    var outerExtremes = Extremes()
  }

  /// - Parameters:
  ///   - x: FP32 without gaps is read in place, anything else through a tile.
  ///   - out: bytes if the outer site quantizes (the inner one without a residual).
  func forward(
    x: Operand, gain: UnsafePointer<Float>, shift: UnsafePointer<Float>, residual: Operand?,
    sites: inout Sites, out: Rows, tiles: Tiles
  ) {
    let step = Tile.rowCount(C: C)
    let value = tiles.a
    let isByte = out.format == .gridByte
    precondition(
      !isByte || (residual == nil ? sites.inner : sites.outer).grid != nil, "bytes without a grid")
    var row = 0
    while row < rows {
      let n = min(step, rows - row)
      let count = n * C
      activate(tileAddress(x, row, n, tiles.x), gain, shift, rowCount: n, value)
      apply(
        sites.inner, to: value, count: count, asBytes: isByte && residual == nil,
        &sites.innerExtremes)
      if let residual {
        let other = tiles.b
        loadTile(residual.rows, row: row, rowCount: n, decoding: residual.decoding, other)
        add(other, to: value, count: count)
        apply(sites.outer, to: value, count: count, asBytes: isByte, &sites.outerExtremes)
      }
      storeTile(value, out, row: row, rowCount: n)
      row += n
    }
  }

  /// What a site does to a tile; `asBytes` leaves steps above the grid's lowest point.
  @inline(__always)
  private func apply(
    _ mode: SiteMode, to tile: UnsafeMutablePointer<Float>, count: Int, asBytes: Bool,
    _ extremes: inout Extremes
  ) {
    if case .off = mode { return }
    watch(tile, count: count, &extremes)
    if case .observe(let counts?) = mode { counts.take(tile, count: count) }
    guard let grid = mode.grid else { return }
    if asBytes {
      byteTile(tile, count: count, grid)
    } else {
      fakeQuantizeTile(tile, count: count, grid)
    }
  }

  /// The rows of an operand as FP32 without gaps: where they are, or loaded into `tile`.
  @inline(__always)
  func tileAddress(_ x: Operand, _ row: Int, _ n: Int, _ tile: UnsafeMutablePointer<Float>)
    -> UnsafePointer<Float>
  {
    if x.rows.format == .float32 && x.rows.isDense {
      return UnsafePointer(x.rows.address(row: row).assumingMemoryBound(to: Float.self))
    }
    loadTile(x.rows, row: row, rowCount: n, decoding: x.decoding, tile)
    return UnsafePointer(tile)
  }

  /// `out = f(x·gain[c] + shift[c])` over one tile.
  func activate(
    _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>, _ shift: UnsafePointer<Float>,
    rowCount: Int, _ out: UnsafeMutablePointer<Float>
  ) {
    switch activation {
    case nil: activate(IdentityFunction.self, x, gain, shift, rowCount, out)
    case .silu: activate(SiLUFunction.self, x, gain, shift, rowCount, out)
    case .relu: activate(ReLUFunction.self, x, gain, shift, rowCount, out)
    case .relu6: activate(ReLU6Function.self, x, gain, shift, rowCount, out)
    }
  }

  @inline(__always)
  private func activate<F: ActivationFunction>(
    _ f: F.Type, _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>,
    _ shift: UnsafePointer<Float>, _ rowCount: Int, _ out: UnsafeMutablePointer<Float>
  ) {
    forEachLanes(C) { c, width in
      let (g, s) = (Lanes(loading: gain + c, upTo: width), Lanes(loading: shift + c, upTo: width))
      var i = c
      for _ in 0..<rowCount {
        F.value(s.adding(Lanes(loading: x + i, upTo: width), times: g)).store(out + i, upTo: width)
        i += C
      }
    }
  }
}

/// `target += source`.
@inline(__always)
func add(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int) {
  forEachLanes(count) { i, n in
    (Lanes(loading: target + i, upTo: n) + Lanes(loading: source + i, upTo: n)).store(
      target + i, upTo: n)
  }
}

/// Places for tiles, which all passes of a plan use in turn.
struct Tiles {
  var x, a, b, c: UnsafeMutablePointer<Float>

  /// Elements of one place, for values of up to `C` channels.
  static func stride(C: Int) -> Int { (max(Tile.capacity, C) + 31) / 16 * 16 }

  init(base: UnsafeMutablePointer<Float>, stride: Int) {
    (x, a, b) = (base, base + stride, base + 2 * stride)
    c = base + 3 * stride
  }

  static let count = 4
}
