import CLanes

extension Pointwise {
  /// The same pass where every rounding is that of a target with integers between all its operations: int32
  /// biases, products and sums of integers, its own factors.
  ///
  /// A tile holds whole steps from the zero point of the grid it is on. What the sites see, before
  /// they round, are the real numbers.
  struct IntegerPass {
    /// Makes steps of `grid` from sums; `nil` where the pass reads bytes of `grid`.
    var sums: IntegerSums?
    var grid: GridLanes
    /// Ends of the first steps: of the grid, or of a ReLU on it.
    var low, high: Float
    /// A sigmoid's grid, the product with it, and the product's grid.
    var gate: (grid: GridLanes, product: IntegerPair, to: GridLanes)?
    /// The residual's grid, what is computed with it, and the result's grid.
    var residual: (grid: GridLanes, pair: IntegerPair, to: GridLanes)?
  }

  /// `forward` in a target's integers; the residual is bytes of its grid.
  func forward(
    _ pass: IntegerPass, x: Operand, gain: UnsafePointer<Float>, shift: UnsafePointer<Float>,
    residual: Operand?, sites: inout Sites, out: Rows, tiles: Tiles
  ) {
    let step = Tile.rowCount(C: C)
    let (value, other, real) = (tiles.a, tiles.b, tiles.c)
    var row = 0
    while row < rows {
      let n = min(step, rows - row)
      let count = n * C
      var grid = pass.grid
      if let sums = pass.sums {
        let x = tileAddress(x, row, n, tiles.x)
        if pass.gate == nil {
          activate(x, gain, shift, rowCount: n, value)
          watch(value, count: count, &sites.inner.extremes)
        } else {
          activate(IdentityFunction(), x, gain, shift, n, value)
          watch(value, count: count, &sites.gateInput.extremes)
        }
        sums.run(x, rowCount: n, low: pass.low, high: pass.high, out: value)
      } else {
        loadSteps(x.rows, grid, row, n, value)
      }
      if let gate = pass.gate {
        sigmoid(of: value, grid, to: other, gate.grid, count: count, &sites.gate.extremes)
        scale(value, by: grid.scale, to: real, count: count)
        addProduct(other, gate.grid.scale, to: real, count: count, multiplies: true)
        watch(real, count: count, &sites.inner.extremes)
        gate.product.run(value, other, count: count, onto: gate.to)
        grid = gate.to
      }
      if let second = pass.residual, let residual {
        loadSteps(residual.rows, second.grid, row, n, other)
        scale(value, by: grid.scale, to: real, count: count)
        addProduct(other, second.grid.scale, to: real, count: count, multiplies: multiplies)
        watch(real, count: count, &sites.outer.extremes)
        second.pair.run(value, other, count: count, onto: second.to)
        grid = second.to
      }
      if out.format == .gridByte {
        offset(value, by: -grid.lowest, count: count)
      } else {
        scale(value, by: grid.scale, to: value, count: count)
      }
      storeTile(value, out, row: row, rowCount: n)
      row += n
    }
  }

  /// Bytes of a grid as steps from its zero point.
  private func loadSteps(
    _ rows: Rows, _ grid: GridLanes, _ row: Int, _ n: Int, _ tile: UnsafeMutablePointer<Float>
  ) {
    loadTile(
      rows, row: row, rowCount: n, decoding: Decoding(offset: grid.lowest, scale: 1), tile)
  }

  /// `y = round(σ(x)/scale)`, steps to steps: the table that runtimes have, up to an FP32 rounding
  /// at a tie.
  private func sigmoid(
    of x: UnsafePointer<Float>, _ from: GridLanes, to y: UnsafeMutablePointer<Float>,
    _ grid: GridLanes, count: Int, _ extremes: inout Extremes
  ) {
    let sigmoid = SigmoidFunction()
    let s = Lanes(repeating: from.scale)
    forEachLanes(count) { i, n in
      sigmoid.value(Lanes(loading: x + i, upTo: n) * s).store(y + i, upTo: n)
    }
    watch(y, count: count, &extremes)
    forEachLanes(count) { i, n in
      grid.steps(Lanes(loading: y + i, upTo: n)).store(y + i, upTo: n)
    }
  }

  private func scale(
    _ x: UnsafePointer<Float>, by factor: Float, to y: UnsafeMutablePointer<Float>, count: Int
  ) {
    let f = Lanes(repeating: factor)
    forEachLanes(count) { i, n in (Lanes(loading: x + i, upTo: n) * f).store(y + i, upTo: n) }
  }

  private func offset(_ x: UnsafeMutablePointer<Float>, by addend: Float, count: Int) {
    let a = Lanes(repeating: addend)
    forEachLanes(count) { i, n in (Lanes(loading: x + i, upTo: n) + a).store(x + i, upTo: n) }
  }

  /// `y = y ∘ x·factor`, `∘` a product or a sum.
  private func addProduct(
    _ x: UnsafePointer<Float>, _ factor: Float, to y: UnsafeMutablePointer<Float>, count: Int,
    multiplies: Bool
  ) {
    let f = Lanes(repeating: factor)
    forEachLanes(count) { i, n in
      let (a, b) = (Lanes(loading: y + i, upTo: n), Lanes(loading: x + i, upTo: n) * f)
      (multiplies ? a * b : a + b).store(y + i, upTo: n)
    }
  }
}
