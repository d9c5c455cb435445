import Graphs
import Quantization

/// What happens to every element between two convolutions, in one pass over memory:
/// `out = fakeQuantize(f(x·gain[c] + shift[c]))`, watching the extremes of `f`.
///
/// - Shapes: `x`, `out`, `dx`, `dOut` `[rows, C]` (rows = N·H·W, channels last); the others `[C]`.
struct Pointwise {
  var rows: Int
  var C: Int
  var activation: Activation?

  /// What to do on the grid of the site.
  enum Mode {
    /// Nothing: the float phase.
    case off
    /// Watch the extremes only: calibration.
    case observe
    /// Put values on the grid and watch.
    case quantize(GridLanes)
  }

  /// A grid in the form the loops use: the bounds in steps from zero, as real numbers.
  struct GridLanes {
    var scale: Float
    var lowest: Float
    var highest: Float

    init(_ grid: Grid) {
      scale = grid.scale
      lowest = Float(grid.minimum - grid.zeroPoint)
      highest = Float(grid.maximum - grid.zeroPoint)
    }
  }

  /// The smallest and largest value seen.
  struct Extremes {
    var low = Float.infinity
    var high = -Float.infinity
  }

  func forward(
    x: UnsafePointer<Float>, gain: UnsafePointer<Float>, shift: UnsafePointer<Float>, mode: Mode,
    out: UnsafeMutablePointer<Float>, extremes: inout Extremes
  ) {
    switch activation {
    case nil: forward(IdentityFunction.self, x, gain, shift, mode, out, &extremes)
    case .silu: forward(SiLUFunction.self, x, gain, shift, mode, out, &extremes)
    case .relu: forward(ReLUFunction.self, x, gain, shift, mode, out, &extremes)
    case .relu6: forward(ReLU6Function.self, x, gain, shift, mode, out, &extremes)
    }
  }

  /// `dz = dOut · [inside the grid] · f'(z)`, and per channel `Σ dz` and `Σ dz·(x - center[c])`.
  ///
  /// The gradient passes where the rounded value was not clamped, and is zero elsewhere
  /// (straight-through estimator).
  /// - Parameters:
  ///   - dz: may be `dOut`.
  ///   - sums, products: `[C]` each, in Double; added to.
  func backward(
    x: UnsafePointer<Float>, gain: UnsafePointer<Float>, shift: UnsafePointer<Float>,
    center: UnsafePointer<Float>, mode: Mode, dOut: UnsafePointer<Float>,
    dz: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Double>,
    products: UnsafeMutablePointer<Double>
  ) {
    switch activation {
    case nil:
      backward(IdentityFunction.self, x, gain, shift, center, mode, dOut, dz, sums, products)
    case .silu: backward(SiLUFunction.self, x, gain, shift, center, mode, dOut, dz, sums, products)
    case .relu: backward(ReLUFunction.self, x, gain, shift, center, mode, dOut, dz, sums, products)
    case .relu6:
      backward(ReLU6Function.self, x, gain, shift, center, mode, dOut, dz, sums, products)
    }
  }

  /// `dx = a[c]·dz + b[c]·x + d[c]`, in place of or added to what `dx` holds.
  func combine(
    x: UnsafePointer<Float>, dz: UnsafePointer<Float>, a: UnsafePointer<Float>,
    b: UnsafePointer<Float>, d: UnsafePointer<Float>, accumulate: Bool,
    dx: UnsafeMutablePointer<Float>
  ) {
    forEachStrip { row0, rowEnd, c, count in
      let (a, b, d) = (lanes(a + c, count), lanes(b + c, count), lanes(d + c, count))
      for row in row0..<rowEnd {
        let i = row * C + c
        var value = lanes(dz + i, count) * a + lanes(x + i, count) * b + d
        if accumulate { value += lanes(dx + i, count) }
        put(value, dx + i, count)
      }
    }
  }

  // MARK: - The loops

  @inline(__always)
  private func forward<F: ActivationFunction>(
    _ f: F.Type, _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>,
    _ shift: UnsafePointer<Float>, _ mode: Mode, _ out: UnsafeMutablePointer<Float>,
    _ extremes: inout Extremes
  ) {
    switch mode {
    case .off:
      forEachStrip { row0, rowEnd, c, count in
        let (g, s) = (lanes(gain + c, count), lanes(shift + c, count))
        for row in row0..<rowEnd {
          let i = row * C + c
          put(F.value(lanes(x + i, count) * g + s), out + i, count)
        }
      }
    case .observe:
      var (low, high) = (Lanes(repeating: extremes.low), Lanes(repeating: extremes.high))
      forEachStrip { row0, rowEnd, c, count in
        let (g, s) = (lanes(gain + c, count), lanes(shift + c, count))
        for row in row0..<rowEnd {
          let i = row * C + c
          let value = F.value(lanes(x + i, count) * g + s)
          watch(value, count, &low, &high)
          put(value, out + i, count)
        }
      }
      extremes = Extremes(low: low.min(), high: high.max())
    case .quantize(let grid):
      var (low, high) = (Lanes(repeating: extremes.low), Lanes(repeating: extremes.high))
      let scale = Lanes(repeating: grid.scale)
      let (lowest, highest) = (Lanes(repeating: grid.lowest), Lanes(repeating: grid.highest))
      forEachStrip { row0, rowEnd, c, count in
        let (g, s) = (lanes(gain + c, count), lanes(shift + c, count))
        for row in row0..<rowEnd {
          let i = row * C + c
          let value = F.value(lanes(x + i, count) * g + s)
          watch(value, count, &low, &high)
          let q = (value / scale).lower(highest).higher(lowest).roundedToEven()
          put(q * scale, out + i, count)
        }
      }
      extremes = Extremes(low: low.min(), high: high.max())
    }
  }

  @inline(__always)
  private func backward<F: ActivationFunction>(
    _ f: F.Type, _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>,
    _ shift: UnsafePointer<Float>, _ center: UnsafePointer<Float>, _ mode: Mode,
    _ dOut: UnsafePointer<Float>, _ dz: UnsafeMutablePointer<Float>,
    _ sums: UnsafeMutablePointer<Double>, _ products: UnsafeMutablePointer<Double>
  ) {
    // Values round into the grid up to half a step beyond its ends.
    var bounds: (Lanes, Lanes, Lanes)?
    if case .quantize(let grid) = mode {
      bounds = (
        Lanes(repeating: grid.scale), Lanes(repeating: grid.lowest), Lanes(repeating: grid.highest)
      )
    }
    forEachStrip { row0, rowEnd, c, count in
      let (g, s) = (lanes(gain + c, count), lanes(shift + c, count))
      let center = lanes(center + c, count)
      var (sum, product) = (Lanes(repeating: 0), Lanes(repeating: 0))
      if let (scale, lowest, highest) = bounds {
        for row in row0..<rowEnd {
          let i = row * C + c
          let xi = lanes(x + i, count)
          let (value, slope) = F.valueAndDerivative(xi * g + s)
          let q = (value / scale).roundedToEven()
          let inside = (q .>= lowest) .& (q .<= highest)
          let gradient = (lanes(dOut + i, count) * slope).replacing(with: 0, where: .!inside)
          sum += gradient
          product += gradient * (xi - center)
          put(gradient, dz + i, count)
        }
      } else {
        for row in row0..<rowEnd {
          let i = row * C + c
          let xi = lanes(x + i, count)
          let gradient = lanes(dOut + i, count) * F.valueAndDerivative(xi * g + s).1
          sum += gradient
          product += gradient * (xi - center)
          put(gradient, dz + i, count)
        }
      }
      for k in 0..<count {
        sums[c + k] += Double(sum[k])
        products[c + k] += Double(product[k])
      }
    }
  }

  /// Calls `body(firstRow, endRow, firstChannel, channelCount)` for blocks that fit the first cache.
  @inline(__always)
  private func forEachStrip(_ body: (Int, Int, Int, Int) -> Void) {
    Strips(rows: rows, C: C).forEach(body)
  }

  @inline(__always)
  private func lanes(_ p: UnsafePointer<Float>, _ count: Int) -> Lanes {
    count == Lanes.width ? Lanes(loading: p) : Lanes(loading: p, count: count)
  }

  @inline(__always)
  private func lanes(_ p: UnsafeMutablePointer<Float>, _ count: Int) -> Lanes {
    lanes(UnsafePointer(p), count)
  }

  @inline(__always)
  private func put(_ value: Lanes, _ p: UnsafeMutablePointer<Float>, _ count: Int) {
    if count == Lanes.width { value.store(p) } else { value.store(p, count: count) }
  }

  @inline(__always)
  private func watch(_ value: Lanes, _ count: Int, _ low: inout Lanes, _ high: inout Lanes) {
    if count == Lanes.width {
      low = low.lower(value)
      high = high.higher(value)
    } else {
      for k in 0..<count {
        if value[k] < low[k] { low[k] = value[k] }
        if value[k] > high[k] { high[k] = value[k] }
      }
    }
  }
}

/// Walks a `[rows, C]` array in blocks of rows that stay in the first cache, sixteen channels at a time,
/// so that per-channel sums live in registers. The order is fixed: sums are the same bits every time.
struct Strips {
  var rows: Int
  var C: Int

  @inline(__always)
  func forEach(_ body: (_ row: Int, _ rowEnd: Int, _ channel: Int, _ count: Int) -> Void) {
    // 2048 floats of each operand: 8 KiB.
    let blockRows = max(1, 2048 / C)
    var row = 0
    while row < rows {
      let rowEnd = min(row + blockRows, rows)
      var c = 0
      while c + Lanes.width <= C {
        body(row, rowEnd, c, Lanes.width)
        c += Lanes.width
      }
      if c < C { body(row, rowEnd, c, C - c) }
      row = rowEnd
    }
  }
}
