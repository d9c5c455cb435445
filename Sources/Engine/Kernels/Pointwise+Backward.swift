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
        ? nil : SplitSiLUFunction(input: gateInput, gate: gate)
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
    // bf16 is read and written where it lies, unless a stage in between wants it in FP32.
    let isHalf =
      single?.format == .bfloat16 && work.dz.format == .bfloat16 && work.residual == nil
      && work.innerSums == nil && work.gateInputSums == nil
    partial.update(repeating: 0, count: 2 * C)
    var row = 0
    while row < rows {
      let n = min(step, rows - row)
      var gradient = Strip(tile: tiles.a, C: C)
      if let single, isHalf || single.format == .float32 && work.residual == nil {
        gradient = Strip(single, row: row)
      } else {
        sumTile(work.contributions, C: C, row: row, rowCount: n, tiles.a)
      }
      let x = strip(work.x, row, n, tiles.x, halves: isHalf)
      if work.residual != nil {
        passResidual(work, x.floats, gradient.floats, row: row, rowCount: n, tiles)
      }
      if work.innerSums != nil || work.gateInputSums != nil {
        addSums(
          work, x.floats, gradient.floats, stride: gradient.stride, rowCount: n, tiles)
      }
      let isStored = work.dz.format == gradient.format
      let out = isStored ? Strip(work.dz, row: row) : Strip(tile: tiles.b, C: C)
      slopeAndSum(x, work, gradient, rowCount: n, out: out, sums: partial, products: partial + C)
      if !isStored { storeTile(out.floats, work.dz, row: row, rowCount: n) }
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

  /// A gradient in one piece: it is this pass's alone.
  private func singleSource(_ contributions: UnsafeBufferPointer<Contribution>) -> Rows? {
    guard contributions.count == 1, contributions[0].coversAll(of: C) else { return nil }
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
    let grid = work.outer
    forEachLanes(n * C) { i, width in
      let (a, b) = (Lanes(loading: u + i, upTo: width), Lanes(loading: r + i, upTo: width))
      var dv = Lanes(loading: gradient + i, upTo: width)
      if let grid { dv = grid.passing(dv, where: a * b) }
      (dv * b).store(gradient + i, upTo: width)
      (dv * a).store(u + i, upTo: width)
    }
    if let dResidual = work.dResidual { storeTile(u, dResidual, row: row, rowCount: n) }
  }

  /// `out = gradient·[f(z) on the inner grid]·f'(z)·factor`, and the sums of it without the factor.
  ///
  /// `out` has the format of `gradient`; where that is FP32, `x` is too.
  private func slopeAndSum(
    _ x: Strip, _ work: Backward, _ gradient: Strip, rowCount: Int, out: Strip,
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
    _ f: some ActivationFunction, _ x: Strip, _ work: Backward, _ gradient: Strip,
    _ rowCount: Int, _ out: Strip, _ sums: UnsafeMutablePointer<Float>,
    _ products: UnsafeMutablePointer<Float>
  ) {
    let (float, half) = (Float32Storage.self, BFloat16Storage.self)
    switch (x.format, gradient.format) {
    case (.float32, .float32):
      slopeAndSum(f, float, float, x, work, gradient, rowCount, out, sums, products)
    case (.float32, _):
      slopeAndSum(f, float, half, x, work, gradient, rowCount, out, sums, products)
    default: slopeAndSum(f, half, half, x, work, gradient, rowCount, out, sums, products)
    }
  }

  @inline(__always)
  private func slopeAndSum<X: ElementStorage, G: ElementStorage>(
    _ f: some ActivationFunction, _: X.Type, _: G.Type, _ x: Strip, _ work: Backward,
    _ gradient: Strip, _ rowCount: Int, _ out: Strip, _ sums: UnsafeMutablePointer<Float>,
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
      var (i, j, k) = (
        x.base + c * X.byteCount, gradient.base + c * G.byteCount, out.base + c * G.byteCount
      )
      for _ in 0..<rowCount {
        clanes_prefetch(i + rowCount * x.stride * X.byteCount)
        clanes_prefetch(j + rowCount * gradient.stride * G.byteCount)
        let xi = loadLanes(X.self, i, width)
        let (value, slope) = f.valueAndDerivative(s.adding(xi, times: g))
        let dz =
          loadLanes(G.self, j, width).onlyWhere(value, from: low, to: high) * slope
        sum += dz
        product = product.adding(dz, times: xi - mean)
        storeLanes(G.self, dz * factor, k, width)
        i += x.stride * X.byteCount
        j += gradient.stride * G.byteCount
        k += out.stride * G.byteCount
      }
      (Lanes(loading: sums + c, upTo: width) + sum).store(sums + c, upTo: width)
      (Lanes(loading: products + c, upTo: width) + product).store(products + c, upTo: width)
    }
  }
}
