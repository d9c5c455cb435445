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
    let (float, half) = (Float32Storage.self, BFloat16Storage.self)
    switch (x.rows.format, out.format) {
    case (.bfloat16, .bfloat16): loop(f, half, half, x, gain, shift, out, tile)
    case (_, .bfloat16): loop(f, float, half, x, gain, shift, out, tile)
    case (_, .float32): loop(f, float, float, x, gain, shift, out, tile)
    case (_, .gridByte): preconditionFailure("no loop of one stage for bytes")
    }
  }

  /// bf16 is read where it lies, anything else as FP32.
  @inline(__always)
  private func loop<X: ElementStorage, S: ElementStorage>(
    _ f: some ActivationFunction, _: X.Type, _: S.Type, _ x: Operand,
    _ gain: UnsafePointer<Float>, _ shift: UnsafePointer<Float>, _ out: Rows,
    _ tile: UnsafeMutablePointer<Float>
  ) {
    let step = Tile.rowCount(C: C)
    let isInPlace = X.self == BFloat16Storage.self
    let sourceStride = (isInPlace ? x.rows.rowStride : C) * X.byteCount
    let stride = out.rowStride * S.byteCount
    var row = 0
    while row < rows {
      let n = min(step, rows - row)
      let source =
        isInPlace
        ? UnsafeRawPointer(x.rows.address(row: row))
        : UnsafeRawPointer(tileAddress(x, row, n, tile))
      let out = out.address(row: row)
      for c in Swift.stride(from: 0, to: C, by: Lanes.width) {
        let (g, b) = (Lanes(loading: gain + c), Lanes(loading: shift + c))
        var (from, to) = (source + c * X.byteCount, out + c * S.byteCount)
        for _ in 0..<n {
          clanes_prefetch(from + n * sourceStride)
          S.store(f.value(b.adding(X.load(from), times: g)), to)
          from += sourceStride
          to += stride
        }
      }
      row += n
    }
  }
}
