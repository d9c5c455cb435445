import CLanes

/// Rows of FP32 or bf16, from the first row of a tile on.
struct Strip {
  var base: UnsafeMutableRawPointer
  /// Elements from one row to the next.
  var stride: Int
  var format: ElementFormat

  init(tile: UnsafeMutablePointer<Float>, C: Int) {
    (base, stride, format) = (UnsafeMutableRawPointer(tile), C, .float32)
  }

  init(_ rows: Rows, row: Int) {
    (base, stride, format) = (rows.address(row: row), rows.rowStride, rows.format)
  }

  var floats: UnsafeMutablePointer<Float> {
    assert(format == .float32)
    return base.assumingMemoryBound(to: Float.self)
  }
}

extension Pointwise {
  /// The rows of an operand where they are, if they are FP32 without gaps or, where `halves` says so, bf16;
  /// or loaded into `tile`.
  @inline(__always)
  func strip(
    _ x: Operand, _ row: Int, _ n: Int, _ tile: UnsafeMutablePointer<Float>, halves: Bool
  ) -> Strip {
    if halves && x.rows.format == .bfloat16 { return Strip(x.rows, row: row) }
    return Strip(tile: UnsafeMutablePointer(mutating: tileAddress(x, row, n, tile)), C: C)
  }
}
