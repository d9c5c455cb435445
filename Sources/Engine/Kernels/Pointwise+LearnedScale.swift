import Graphs

extension Pointwise {
  /// Adds what the learned ranges before and behind the function need of one tile: from `gradient`,
  /// that of `u = q₁(f(z))`.
  ///
  /// Before a SiLU with sites inside, `a = q₃(z)`, the gradient is `da = du·[a·q₄(σ(a)) on q₁]·(a·q₄(σ(a)))'`.
  /// Uses the tiles `b` and `c`.
  func addSums(
    _ work: Backward, _ x: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, stride: Int,
    rowCount n: Int, _ tiles: Tiles
  ) {
    if let sums = work.innerSums, let grid = work.inner {
      if let split = work.split {
        activate(split, x, work.gain, work.shift, n, tiles.c)
      } else {
        activate(x, work.gain, work.shift, rowCount: n, tiles.c)
      }
      addSiteSums(tiles.c, gradient, stride: stride, rowCount: n, C: C, grid, to: sums)
    }
    guard let sums = work.gateInputSums, let grid = work.gateInput else { return }
    activate(IdentityFunction(), x, work.gain, work.shift, n, tiles.b)
    let behind = SplitSiLUFunction(input: nil, gate: work.gate)
    let low = Lanes(repeating: work.inner?.smallest ?? -.infinity)
    let high = Lanes(repeating: work.inner?.largest ?? .infinity)
    tiles.c.update(from: tiles.b, count: n * C)
    fakeQuantizeTile(tiles.c, count: n * C, grid)
    for row in 0..<n {
      let (a, du) = (tiles.c + row * C, gradient + row * stride)
      forEachLanes(C) { i, width in
        let (value, slope) = behind.valueAndDerivative(Lanes(loading: a + i, upTo: width))
        let dy = Lanes(loading: du + i, upTo: width).onlyWhere(value, from: low, to: high)
        (dy * slope).store(a + i, upTo: width)
      }
    }
    addSiteSums(tiles.b, tiles.c, stride: C, rowCount: n, C: C, grid, to: sums)
  }
}
