import CLanes
import Graphs

extension Pointwise {
  /// What the first pass of the backward direction reads and where its results go.
  struct Backward {
    var x: Operand
    var gain, shift, center: UnsafePointer<Float>
    var residual: Operand?
    /// Grids as in `Sites`, where values are put on them.
    var gateInput, gate, inner, outer: GridLanes?
    /// Get what the learned range of a site needs; see `addSiteSums`.
    var gateInputSums, innerSums, outerSums: UnsafeMutablePointer<Double>?
    /// Gradient of the output, part by part.
    var contributions: UnsafeBufferPointer<Contribution>
    /// Gets `dz` times `factor`, FP32 or bf16; may be the memory of the first contribution.
    var dz: Rows
    /// `nil` stands for 1.
    var factor: UnsafePointer<Float>?
    /// Gets the residual's gradient.
    var dResidual: Rows?

    /// A SiLU with integers between its parts.
    var split: SplitSiLUFunction? {
      gateInput == nil && gate == nil
        ? nil : SplitSiLUFunction(input: LaneGrid(gateInput), gate: LaneGrid(gate))
    }
  }

  /// With `v = u + residual`, `u = q₁(f(z))` and `z = x·gain + shift`: `dv = dOut·[v on the grid]`,
  /// `du = dResidual = dv`, `dz = du·[f(z) on the grid]·f'(z)`, and per channel `Σ dz`, `Σ dz·(x - center)`.
  /// Of a product, `du = dv·residual` and `dResidual = dv·u`.
  ///
  /// - Parameter sums, products: `[C]` each, in Double; added to. `partial` is `[2·C]` scratch.
  func backward(
    _ work: Backward, sums: UnsafeMutablePointer<Double>, products: UnsafeMutablePointer<Double>,
    partial: UnsafeMutablePointer<Float>, tiles: Tiles
  ) {
    let step = Tile.rowCount(C: C)
    // FP32 sums of some hundred rows go into Double together.
    let flushRows = max(step, 128 / step * step)
    let single = singleSource(work.contributions)
    let isStored = work.dz.format == .float32
    partial.update(repeating: 0, count: 2 * C)
    var row = 0
    while row < rows {
      let n = min(step, rows - row)
      var gradient = tiles.a
      var stride = C
      if let single {
        gradient = single.address(row: row).assumingMemoryBound(to: Float.self)
        stride = single.rowStride
      } else {
        sumTile(work.contributions, C: C, row: row, rowCount: n, gradient)
      }
      let x = tileAddress(work.x, row, n, tiles.x)
      if work.residual != nil {
        if single != nil {
          loadTile(single!, row: row, rowCount: n, decoding: .none, tiles.a)
          (gradient, stride) = (tiles.a, C)
        }
        passResidual(work, x, gradient, row: row, rowCount: n, tiles)
      }
      if work.innerSums != nil || work.gateInputSums != nil {
        addSums(work, x, gradient, stride: stride, rowCount: n, tiles)
      }
      let out =
        isStored ? work.dz.address(row: row).assumingMemoryBound(to: Float.self) : tiles.b
      slopeAndSum(
        x, work, Source(values: gradient, stride: stride), rowCount: n,
        out: Source(values: out, stride: isStored ? work.dz.rowStride : C), sums: partial,
        products: partial + C)
      if !isStored { storeTile(out, work.dz, row: row, rowCount: n) }
      row += n
      if row % flushRows == 0 || row == rows {
        forEachLanes(C) { c, count in
          Lanes(loading: partial + c, upTo: count).add(to: sums + c, count: count)
          Lanes(loading: partial + C + c, upTo: count).add(to: products + c, count: count)
        }
        partial.update(repeating: 0, count: 2 * C)
      }
    }
  }

  /// Rows of FP32 numbers, from the first row of a tile on.
  private struct Source {
    var values: UnsafeMutablePointer<Float>
    var stride: Int
  }

  /// A gradient in one piece: it is this pass's alone.
  private func singleSource(_ contributions: UnsafeBufferPointer<Contribution>) -> Rows? {
    guard contributions.count == 1, contributions[0].coversAll(of: C),
      contributions[0].rows.format == .float32
    else { return nil }
    return contributions[0].rows
  }

  /// The part of the pass behind the addition: `gradient` becomes `dv`, the residual gets its own.
  private func passResidual(
    _ work: Backward, _ x: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
    row: Int, rowCount n: Int, _ tiles: Tiles
  ) {
    let count = n * C
    guard let residual = work.residual, work.outer != nil || multiplies else {
      if let dResidual = work.dResidual { storeTile(gradient, dResidual, row: row, rowCount: n) }
      return
    }
    let (value, other) = (tiles.b, tiles.c)
    loadTile(residual.rows, row: row, rowCount: n, decoding: residual.decoding, other)
    if let split = work.split {
      activate(split, x, work.gain, work.shift, n, value)
    } else {
      activate(x, work.gain, work.shift, rowCount: n, value)
    }
    if let inner = work.inner { fakeQuantizeTile(value, count: count, inner) }
    if multiplies {
      if let sums = work.outerSums, let grid = work.outer {
        addSiteSums(gradient, stride: C, rowCount: n, C: C, grid, to: sums) { i, width in
          Lanes(loading: value + i, upTo: width) * Lanes(loading: other + i, upTo: width)
        }
      }
      passProduct(work, value, other, gradient, row: row, rowCount: n)
      return
    }
    if let grid = work.outer {
      add(value, to: other, count: count)
      if let sums = work.outerSums {
        addSiteSums(other, gradient, stride: C, rowCount: n, C: C, grid, to: sums)
      }
      maskTile(gradient, other, count: count, grid)
    }
    if let dResidual = work.dResidual { storeTile(gradient, dResidual, row: row, rowCount: n) }
  }

  /// `dv = gradient·[u·r on the grid]`; `gradient = dv·r`, `dr = dv·u`.
  private func passProduct(
    _ work: Backward, _ u: UnsafeMutablePointer<Float>, _ r: UnsafePointer<Float>,
    _ gradient: UnsafeMutablePointer<Float>, row: Int, rowCount n: Int
  ) {
    let grid = LaneGrid(work.outer)
    forEachLanes(n * C) { i, width in
      let (a, b) = (Lanes(loading: u + i, upTo: width), Lanes(loading: r + i, upTo: width))
      var dv = Lanes(loading: gradient + i, upTo: width)
      if let grid { dv = grid.passing(dv, where: a * b) }
      (dv * b).store(gradient + i, upTo: width)
      (dv * a).store(u + i, upTo: width)
    }
    if let dResidual = work.dResidual { storeTile(u, dResidual, row: row, rowCount: n) }
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
          clanes_prefetch(x + i + n * C)
          clanes_prefetch(g + i + n * C)
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

  /// `out = gradient·[f(z) on the inner grid]·f'(z)·factor`, and the sums of it without the factor.
  private func slopeAndSum(
    _ x: UnsafePointer<Float>, _ work: Backward, _ gradient: Source, rowCount: Int, out: Source,
    sums: UnsafeMutablePointer<Float>, products: UnsafeMutablePointer<Float>
  ) {
    if let split = work.split {
      return slopeAndSum(split, x, work, gradient, rowCount, out, sums, products)
    }
    switch function {
    case .identity:
      slopeAndSum(IdentityFunction(), x, work, gradient, rowCount, out, sums, products)
    case .sigmoid:
      slopeAndSum(SigmoidFunction(), x, work, gradient, rowCount, out, sums, products)
    case .silu: slopeAndSum(SiLUFunction(), x, work, gradient, rowCount, out, sums, products)
    case .relu: slopeAndSum(ReLUFunction(), x, work, gradient, rowCount, out, sums, products)
    case .relu6: slopeAndSum(ReLU6Function(), x, work, gradient, rowCount, out, sums, products)
    }
  }

  @inline(__always)
  private func slopeAndSum(
    _ f: some ActivationFunction, _ x: UnsafePointer<Float>, _ work: Backward, _ gradient: Source,
    _ rowCount: Int, _ out: Source, _ sums: UnsafeMutablePointer<Float>,
    _ products: UnsafeMutablePointer<Float>
  ) {
    // Bounds that let everything but NaN through stand for no grid.
    let low = Lanes(repeating: work.inner?.smallest ?? -.infinity)
    let high = Lanes(repeating: work.inner?.largest ?? .infinity)
    forEachLanes(C) { c, width in
      let g = Lanes(loading: work.gain + c, upTo: width)
      let s = Lanes(loading: work.shift + c, upTo: width)
      let mean = Lanes(loading: work.center + c, upTo: width)
      let factor = work.factor.map { Lanes(loading: $0 + c, upTo: width) } ?? Lanes(repeating: 1)
      var (sum, product) = (Lanes.zero, Lanes.zero)
      var (i, j, k) = (c, c, c)
      for _ in 0..<rowCount {
        clanes_prefetch(x + i + rowCount * C)
        clanes_prefetch(gradient.values + j + rowCount * gradient.stride)
        let xi = Lanes(loading: x + i, upTo: width)
        let (value, slope) = f.valueAndDerivative(s.adding(xi, times: g))
        let dz =
          Lanes(loading: gradient.values + j, upTo: width).onlyWhere(value, from: low, to: high)
          * slope
        sum += dz
        product = product.adding(dz, times: xi - mean)
        (dz * factor).store(out.values + k, upTo: width)
        i += C
        j += gradient.stride
        k += out.stride
      }
      (Lanes(loading: sums + c, upTo: width) + sum).store(sums + c, upTo: width)
      (Lanes(loading: products + c, upTo: width) + product).store(products + c, upTo: width)
    }
  }
}
