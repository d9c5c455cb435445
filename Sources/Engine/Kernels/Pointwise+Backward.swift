import Graphs

extension Pointwise {
  /// What the first pass of the backward direction reads and where its results go.
  struct Backward {
    var x: Operand
    var gain, shift, center: UnsafePointer<Float>
    var residual: Operand?
    var inner, outer: GridLanes?
    /// Gradient of the output, part by part.
    var contributions: UnsafeBufferPointer<Contribution>
    /// Gets `dz` times `factor`, FP32 or bf16; may be the memory of the first contribution.
    var dz: Rows
    /// `nil` stands for 1.
    var factor: UnsafePointer<Float>?
    /// Gets the residual's gradient.
    var dResidual: Rows?
  }

  /// With `v = q₁(f(z)) + residual` and `z = x·gain + shift`: `dv = dOut·[v on the grid]`,
  /// `dResidual = dv`, `dz = dv·[f(z) on the grid]·f'(z)`, and per channel `Σ dz`, `Σ dz·(x - center)`.
  ///
  /// - Parameter sums, products: `[C]` each, in Double; added to. `partial` is `[2·C]` scratch.
  func backward(
    _ work: Backward, sums: UnsafeMutablePointer<Double>, products: UnsafeMutablePointer<Double>,
    partial: UnsafeMutablePointer<Float>, tiles: Tiles
  ) {
    let step = Tile.rowCount(C: C)
    // FP32 sums of some hundred rows go into Double together.
    let flushRows = max(step, 128 / step * step)
    let (value, slope, other) = (tiles.b, tiles.c, tiles.d)
    let only = onlyArray(work.contributions)
    let isInPlace = only.map { $0.base == work.dz.base && work.dz.format == .float32 } ?? false
    partial.update(repeating: 0, count: 2 * C)
    var row = 0
    while row < rows {
      let n = min(step, rows - row)
      let count = n * C
      var gradient = tiles.a
      if let only {
        gradient = only.address(row: row).assumingMemoryBound(to: Float.self)
      } else {
        sumTile(work.contributions, C: C, row: row, rowCount: n, gradient)
      }
      let x = tileAddress(work.x, row, n, tiles.x)
      valueAndSlope(x, work.gain, work.shift, rowCount: n, value, slope)
      if let residual = work.residual {
        if let grid = work.outer {
          loadTile(residual.rows, row: row, rowCount: n, decoding: residual.decoding, other)
          if let inner = work.inner {
            // The outer site saw the inner one's output, but the inner mask needs what went in.
            addQuantized(value, to: other, count: count, inner)
          } else {
            add(value, to: other, count: count)
          }
          maskTile(gradient, other, count: count, grid)
        }
        if let dResidual = work.dResidual {
          storeTile(gradient, dResidual, row: row, rowCount: n)
        }
      }
      if let grid = work.inner { maskTile(gradient, value, count: count, grid) }
      multiplyAndSum(
        gradient, slope, x, work.center, rowCount: n, sums: partial, products: partial + C)
      if let factor = work.factor { scaleTile(gradient, factor, rowCount: n) }
      if !isInPlace { storeTile(gradient, work.dz, row: row, rowCount: n) }
      row += n
      if row % flushRows == 0 || row == rows {
        for c in 0..<C {
          sums[c] += Double(partial[c])
          products[c] += Double(partial[C + c])
        }
        partial.update(repeating: 0, count: 2 * C)
      }
    }
  }

  /// `dx = a[c]·dz + b[c]·x + d[c]`.
  ///
  /// - Parameter dx: FP32 or bf16; may be the memory of `dz`.
  func combine(
    x: Operand, dz: Rows, a: UnsafePointer<Float>, b: UnsafePointer<Float>,
    d: UnsafePointer<Float>, dx: Rows, tiles: Tiles
  ) {
    let step = Tile.rowCount(C: C)
    let isInPlace = dx.format == .float32 && dx.isDense
    var row = 0
    while row < rows {
      let n = min(step, rows - row)
      let x = tileAddress(x, row, n, tiles.x)
      let g = tileAddress(Operand(rows: dz, decoding: .none), row, n, tiles.b)
      let out =
        isInPlace ? dx.address(row: row).assumingMemoryBound(to: Float.self) : tiles.a
      forEachLanes(C) { c, width in
        let a = Lanes(loading: a + c, upTo: width)
        let b = Lanes(loading: b + c, upTo: width)
        let d = Lanes(loading: d + c, upTo: width)
        var i = c
        for _ in 0..<n {
          d.adding(Lanes(loading: x + i, upTo: width), times: b)
            .adding(Lanes(loading: g + i, upTo: width), times: a).store(out + i, upTo: width)
          i += C
        }
      }
      if !isInPlace { storeTile(out, dx, row: row, rowCount: n) }
      row += n
    }
  }

  // MARK: - Stages

  /// A gradient in one piece, where it is FP32 without gaps: it is this pass's alone, to change in place.
  private func onlyArray(_ contributions: UnsafeBufferPointer<Contribution>) -> Rows? {
    guard contributions.count == 1, contributions[0].coversAll(of: C) else { return nil }
    let rows = contributions[0].rows
    return rows.isDense && rows.format == .float32 ? rows : nil
  }

  private func valueAndSlope(
    _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>, _ shift: UnsafePointer<Float>,
    rowCount: Int, _ value: UnsafeMutablePointer<Float>, _ slope: UnsafeMutablePointer<Float>
  ) {
    switch activation {
    case nil: valueAndSlope(IdentityFunction.self, x, gain, shift, rowCount, value, slope)
    case .silu: valueAndSlope(SiLUFunction.self, x, gain, shift, rowCount, value, slope)
    case .relu: valueAndSlope(ReLUFunction.self, x, gain, shift, rowCount, value, slope)
    case .relu6: valueAndSlope(ReLU6Function.self, x, gain, shift, rowCount, value, slope)
    }
  }

  @inline(__always)
  private func valueAndSlope<F: ActivationFunction>(
    _ f: F.Type, _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>,
    _ shift: UnsafePointer<Float>, _ rowCount: Int, _ value: UnsafeMutablePointer<Float>,
    _ slope: UnsafeMutablePointer<Float>
  ) {
    forEachLanes(C) { c, width in
      let (g, s) = (Lanes(loading: gain + c, upTo: width), Lanes(loading: shift + c, upTo: width))
      var i = c
      for _ in 0..<rowCount {
        let z = s.adding(Lanes(loading: x + i, upTo: width), times: g)
        let (v, d) = F.valueAndDerivative(z)
        v.store(value + i, upTo: width)
        d.store(slope + i, upTo: width)
        i += C
      }
    }
  }

  /// `gradient *= slope`, and per channel `sums += Σ gradient`, `products += Σ gradient·(x - center)`.
  private func multiplyAndSum(
    _ gradient: UnsafeMutablePointer<Float>, _ slope: UnsafePointer<Float>,
    _ x: UnsafePointer<Float>, _ center: UnsafePointer<Float>, rowCount: Int,
    sums: UnsafeMutablePointer<Float>, products: UnsafeMutablePointer<Float>
  ) {
    forEachLanes(C) { c, width in
      let mean = Lanes(loading: center + c, upTo: width)
      var (sum, product) = (Lanes.zero, Lanes.zero)
      var i = c
      for _ in 0..<rowCount {
        let g =
          Lanes(loading: gradient + i, upTo: width) * Lanes(loading: slope + i, upTo: width)
        g.store(gradient + i, upTo: width)
        sum += g
        product = product.adding(g, times: Lanes(loading: x + i, upTo: width) - mean)
        i += C
      }
      (Lanes(loading: sums + c, upTo: width) + sum).store(sums + c, upTo: width)
      (Lanes(loading: products + c, upTo: width) + product).store(products + c, upTo: width)
    }
  }

  private func scaleTile(
    _ tile: UnsafeMutablePointer<Float>, _ factor: UnsafePointer<Float>, rowCount: Int
  ) {
    forEachLanes(C) { c, width in
      let f = Lanes(loading: factor + c, upTo: width)
      var i = c
      for _ in 0..<rowCount {
        (Lanes(loading: tile + i, upTo: width) * f).store(tile + i, upTo: width)
        i += C
      }
    }
  }

  /// `target += value on the grid`.
  private func addQuantized(
    _ value: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int,
    _ grid: GridLanes
  ) {
    let (s, low, high) = (
      Lanes(repeating: grid.scale), Lanes(repeating: grid.lowest), Lanes(repeating: grid.highest)
    )
    forEachLanes(count) { i, n in
      let q = (Lanes(loading: value + i, upTo: n) / s).lower(high).higher(low).roundedToEven()
      (Lanes(loading: target + i, upTo: n) + q * s).store(target + i, upTo: n)
    }
  }
}
