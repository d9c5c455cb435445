import CLanes

extension Pointwise {
  /// `out = f(x·gain[c] + shift[c])` straight to where it stays: for whole vectors of channels, and
  /// neither site nor residual.
  func forward(
    x: Operand, gain: UnsafePointer<Float>, shift: UnsafePointer<Float>, out: Rows,
    tile: UnsafeMutablePointer<Float>
  ) {
    switch function {
    case .identity: forward(IdentityFunction(), x, gain, shift, out, tile)
    case .sigmoid: forward(SigmoidFunction(), x, gain, shift, out, tile)
    case .silu: forward(SiLUFunction(), x, gain, shift, out, tile)
    case .relu: forward(ReLUFunction(), x, gain, shift, out, tile)
    case .relu6: forward(ReLU6Function(), x, gain, shift, out, tile)
    }
  }

  @inline(__always)
  private func forward(
    _ f: some ActivationFunction, _ x: Operand, _ gain: UnsafePointer<Float>,
    _ shift: UnsafePointer<Float>, _ out: Rows, _ tile: UnsafeMutablePointer<Float>
  ) {
    precondition(C % Lanes.width == 0, "\(C) channels")
    switch out.format {
    case .float32: loop(f, Float32Storage.self, x, gain, shift, out, tile)
    case .bfloat16: loop(f, BFloat16Storage.self, x, gain, shift, out, tile)
    case .gridByte: preconditionFailure("no loop of one stage for bytes")
    }
  }

  @inline(__always)
  private func loop<S: ElementStorage>(
    _ f: some ActivationFunction, _ s: S.Type, _ x: Operand, _ gain: UnsafePointer<Float>,
    _ shift: UnsafePointer<Float>, _ out: Rows, _ tile: UnsafeMutablePointer<Float>
  ) {
    let step = Tile.rowCount(C: C)
    let stride = out.rowStride * S.byteCount
    var row = 0
    while row < rows {
      let n = min(step, rows - row)
      let x = tileAddress(x, row, n, tile)
      let out = out.address(row: row)
      for c in Swift.stride(from: 0, to: C, by: Lanes.width) {
        let (g, b) = (Lanes(loading: gain + c), Lanes(loading: shift + c))
        var (from, to) = (x + c, out + c * S.byteCount)
        for _ in 0..<n {
          clanes_prefetch(from + n * C)
          S.store(f.value(b.adding(Lanes(loading: from), times: g)), to)
          from += C
          to += stride
        }
      }
      row += n
    }
  }
}
