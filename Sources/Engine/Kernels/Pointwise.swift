import CLanes
import Graphs

/// What happens to every element between two convolutions, in one pass over memory:
/// `out = q₂(q₁(f(x·gain[c] + shift[c])) ∘ residual)`, each part optional, `∘` an addition or a product,
/// watching the extremes of what the sites see.
///
/// Where a SiLU has sites between its parts, `f(z) = a·q₄(σ(a))` with `a = q₃(z)`.
/// - Shapes: `x`, `residual`, `out` `[rows, C]` (rows = N·H·W, channels last); `gain`, `shift` `[C]`.
struct Pointwise {
  var rows: Int
  var C: Int
  var function: ElementFunction
  /// Whether the residual is a factor rather than an addend.
  var multiplies = false

  /// An operand and what makes its elements real numbers.
  struct Operand {
    var rows: Rows
    var decoding: Decoding
  }

  /// How a site of a pass works, and what it saw.
  struct Watched {
    var mode = SiteMode.off
    var extremes = Extremes()

    var isOff: Bool { if case .off = mode { true } else { false } }
  }

  /// The sites of a pass: before and behind a SiLU's sigmoid, behind the function, behind the residual.
  struct Sites {
    var gateInput = Watched()
    var gate = Watched()
    var inner = Watched()
    var outer = Watched()
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
      !isByte || (residual == nil ? sites.inner : sites.outer).mode.grid != nil,
      "bytes without a grid")
    let isSplit = !sites.gateInput.isOff || !sites.gate.isOff
    if residual == nil, !isSplit, C % Lanes.width == 0, sites.inner.isOff {
      return forward(x: x, gain: gain, shift: shift, out: out, tile: tiles.x)
    }
    var row = 0
    while row < rows {
      let n = min(step, rows - row)
      let count = n * C
      let x = tileAddress(x, row, n, tiles.x)
      if isSplit {
        activate(IdentityFunction(), x, gain, shift, n, value)
        gateTile(value, &sites, count: count, tiles.b)
      } else {
        activate(x, gain, shift, rowCount: n, value)
      }
      guard let residual else {
        finish(&sites.inner, value, out, row: row, rowCount: n)
        row += n
        continue
      }
      apply(&sites.inner, to: value, count: count)
      let other = tiles.b
      loadTile(residual.rows, row: row, rowCount: n, decoding: residual.decoding, other)
      if multiplies {
        multiply(other, to: value, count: count)
      } else {
        add(other, to: value, count: count)
      }
      finish(&sites.outer, value, out, row: row, rowCount: n)
      row += n
    }
  }

  /// What the last site does to a tile, and the tile to its place.
  @inline(__always)
  private func finish(
    _ site: inout Watched, _ tile: UnsafeMutablePointer<Float>, _ out: Rows, row: Int,
    rowCount: Int
  ) {
    if out.format == .gridByte, let grid = site.mode.grid {
      storeBytes(tile, grid, out, row: row, rowCount: rowCount, &site.extremes)
    } else {
      apply(&site, to: tile, count: rowCount * C)
      storeTile(tile, out, row: row, rowCount: rowCount)
    }
  }

  /// `value = a·q₄(σ(a))`, `a = q₃(value)`, stage by stage; the same bits as `SplitSiLUFunction`.
  private func gateTile(
    _ value: UnsafeMutablePointer<Float>, _ sites: inout Sites, count: Int,
    _ gate: UnsafeMutablePointer<Float>
  ) {
    apply(&sites.gateInput, to: value, count: count)
    let sigmoid = SigmoidFunction()
    forEachLanes(count) { i, n in
      sigmoid.value(Lanes(loading: value + i, upTo: n)).store(gate + i, upTo: n)
    }
    apply(&sites.gate, to: gate, count: count)
    multiply(gate, to: value, count: count)
  }

  /// What a site does to a tile.
  @inline(__always)
  private func apply(_ site: inout Watched, to tile: UnsafeMutablePointer<Float>, count: Int) {
    if site.isOff { return }
    watch(tile, count: count, &site.extremes)
    if case .observe(let counts?) = site.mode { counts.take(tile, count: count) }
    if let grid = site.mode.grid { fakeQuantizeTile(tile, count: count, grid) }
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
    switch function {
    case .identity: activate(IdentityFunction(), x, gain, shift, rowCount, out)
    case .sigmoid: activate(SigmoidFunction(), x, gain, shift, rowCount, out)
    case .silu: activate(SiLUFunction(), x, gain, shift, rowCount, out)
    case .relu: activate(ReLUFunction(), x, gain, shift, rowCount, out)
    case .relu6: activate(ReLU6Function(), x, gain, shift, rowCount, out)
    }
  }

  @inline(__always)
  func activate(
    _ f: some ActivationFunction, _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>,
    _ shift: UnsafePointer<Float>, _ rowCount: Int, _ out: UnsafeMutablePointer<Float>
  ) {
    let ahead = rowCount * C
    forEachLanes(C) { c, width in
      let (g, s) = (Lanes(loading: gain + c, upTo: width), Lanes(loading: shift + c, upTo: width))
      var i = c
      for _ in 0..<rowCount {
        clanes_prefetch(x + i + ahead)
        f.value(s.adding(Lanes(loading: x + i, upTo: width), times: g)).store(out + i, upTo: width)
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

/// `target *= source`.
@inline(__always)
func multiply(
  _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int
) {
  forEachLanes(count) { i, n in
    (Lanes(loading: target + i, upTo: n) * Lanes(loading: source + i, upTo: n)).store(
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
