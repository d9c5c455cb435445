import CLanes

extension WinogradTiles {
  /// `v = Bᵀ·d·B` of the pixels of `x` that the tile at (n, h, w) reads; zeros around the picture.
  ///
  /// - Parameter patch: room for them.
  @inline(__always)
  func transformSource(
    _ x: Rows, n: Int, h: Int, w: Int, patch: UnsafeMutablePointer<Float>,
    into v: UnsafeMutablePointer<Float>, place: Int
  ) {
    let C = x.channels
    let (d, row, pixel) = pixels(
      x, H: sourceH, W: sourceW, n: n, h: form.firstSource(h), w: form.firstSource(w),
      side: form.sourceSide, patch: patch)
    let isHalf = x.format == .bfloat16
    switch form {
    case .two: clanes_winograd2_source(d, row, pixel, C, v, place, group, isHalf)
    case .four: clanes_winograd4_source(d, row, pixel, C, v, place, group, isHalf)
    case .strided: clanes_strided_source(d.floats, row, pixel, C, v, place, group)
    case .stridedData: clanes_strided_data_source(d.floats, row, pixel, C, v, place, group)
    }
  }

  /// `v = A·dy·Aᵀ` of the tile at (n, h, w).
  @inline(__always)
  func transformGradient(
    _ dy: Rows, n: Int, h: Int, w: Int, patch: UnsafeMutablePointer<Float>,
    into v: UnsafeMutablePointer<Float>, place: Int
  ) {
    let O = dy.channels
    let (d, row, pixel) = pixels(
      dy, H: H, W: W, n: n, h: h, w: w, side: form.side, patch: patch)
    let isHalf = dy.format == .bfloat16
    switch form {
    case .two: clanes_winograd2_gradient(d, row, pixel, O, v, place, group, isHalf)
    case .four: clanes_winograd4_gradient(d, row, pixel, O, v, place, group, isHalf)
    case .strided: clanes_strided_gradient(d.floats, row, pixel, O, v, place, group)
    case .stridedData: preconditionFailure("not a form of the weights' gradient")
    }
  }

  /// The tile at (n, h, w) of `y` becomes `Aᵀ·m·A + bias`.
  @inline(__always)
  func storeTarget(
    _ m: UnsafePointer<Float>, place: Int, bias: UnsafePointer<Float>, n: Int, h: Int, w: Int,
    patch: UnsafeMutablePointer<Float>, into y: Rows
  ) {
    let O = y.channels
    let first = y.address(row: (n * H + h) * W + w)
    let (height, width) = (min(form.side, H - h), min(form.side, W - w))
    let isWhole = height == form.side && width == form.side
    let (out, row) = isWhole ? (first, W * O) : (UnsafeMutableRawPointer(patch), form.side * O)
    let isHalf = y.format == .bfloat16
    switch form {
    case .two: clanes_winograd2_target(m, place, O, bias, out, row, O, isHalf)
    case .four: clanes_winograd4_target(m, place, O, bias, out, row, O, isHalf)
    case .strided:
      clanes_strided_target(m, place, O, bias, out.assumingMemoryBound(to: Float.self), row, O)
    case .stridedData:
      clanes_strided_data_target(
        m, place, O, bias, out.assumingMemoryBound(to: Float.self), row, O)
    }
    if isWhole { return }
    let size = y.format.byteCount
    for i in 0..<height {
      (first + i * W * O * size).copyMemory(from: out + i * row * size, byteCount: width * O * size)
    }
  }

  /// `side` × `side` pixels from (h, w) on, and the distance of their rows and of neighbours: where they lie,
  /// or a copy in `patch` with zeros for those outside the picture.
  @inline(__always)
  private func pixels(
    _ x: Rows, H: Int, W: Int, n: Int, h: Int, w: Int, side: Int,
    patch: UnsafeMutablePointer<Float>
  ) -> (UnsafeRawPointer, row: Int, pixel: Int) {
    let stride = x.rowStride
    if h >= 0 && w >= 0 && h + side <= H && w + side <= W {
      return (UnsafeRawPointer(x.address(row: (n * H + h) * W + w)), W * stride, stride)
    }
    let byteCount = x.channels * x.format.byteCount
    let (left, right) = (max(0, -w), min(side, W - w))
    for i in 0..<side {
      let line = UnsafeMutableRawPointer(patch) + i * side * byteCount
      guard h + i >= 0 && h + i < H else {
        line.initializeMemory(as: UInt8.self, repeating: 0, count: side * byteCount)
        continue
      }
      line.initializeMemory(as: UInt8.self, repeating: 0, count: left * byteCount)
      let from = x.address(row: (n * H + h + i) * W + w + left)
      let to = line + left * byteCount
      if x.isDense {
        to.copyMemory(from: from, byteCount: (right - left) * byteCount)
      } else {
        for j in 0..<right - left {
          (to + j * byteCount).copyMemory(
            from: from + j * stride * x.format.byteCount, byteCount: byteCount)
        }
      }
      (line + right * byteCount)
        .initializeMemory(as: UInt8.self, repeating: 0, count: (side - right) * byteCount)
    }
    return (UnsafeRawPointer(patch), side * x.channels, x.channels)
  }
}

extension UnsafeRawPointer {
  fileprivate var floats: UnsafePointer<Float> { assumingMemoryBound(to: Float.self) }
}
