import CLanes

extension WinogradTiles {
  /// `v = Bᵀ·d·B` of the pixels of `x` that the tile at (n, h, w) reads; zeros around the picture.
  ///
  /// - Parameter patch: room for them.
  @inline(__always)
  func transformSource(
    _ x: UnsafePointer<Float>, C: Int, n: Int, h: Int, w: Int, patch: UnsafeMutablePointer<Float>,
    into v: UnsafeMutablePointer<Float>, place: Int
  ) {
    let (d, row) = pixels(
      x, H: sourceH, W: sourceW, C: C, n: n, h: form.firstSource(h), w: form.firstSource(w),
      side: form.sourceSide, patch: patch)
    switch form {
    case .two: clanes_winograd2_source(d, row, C, C, v, place, group)
    case .four: clanes_winograd4_source(d, row, C, C, v, place, group)
    case .strided: clanes_strided_source(d, row, C, C, v, place, group)
    case .stridedData: clanes_strided_data_source(d, row, C, C, v, place, group)
    }
  }

  /// `v = A·dy·Aᵀ` of the tile at (n, h, w).
  @inline(__always)
  func transformGradient(
    _ dy: UnsafePointer<Float>, O: Int, n: Int, h: Int, w: Int, patch: UnsafeMutablePointer<Float>,
    into v: UnsafeMutablePointer<Float>, place: Int
  ) {
    let (d, row) = pixels(
      dy, H: H, W: W, C: O, n: n, h: h, w: w, side: form.side, patch: patch)
    switch form {
    case .two: clanes_winograd2_gradient(d, row, O, O, v, place, group)
    case .four: clanes_winograd4_gradient(d, row, O, O, v, place, group)
    case .strided: clanes_strided_gradient(d, row, O, O, v, place, group)
    case .stridedData: preconditionFailure("not a form of the weights' gradient")
    }
  }

  /// The tile at (n, h, w) of `y` becomes `Aᵀ·m·A + bias`.
  @inline(__always)
  func storeTarget(
    _ m: UnsafePointer<Float>, place: Int, O: Int, bias: UnsafePointer<Float>, n: Int, h: Int,
    w: Int, patch: UnsafeMutablePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    let first = y + ((n * H + h) * W + w) * O
    let (height, width) = (min(form.side, H - h), min(form.side, W - w))
    let isWhole = height == form.side && width == form.side
    let (out, row) = isWhole ? (first, W * O) : (patch, form.side * O)
    switch form {
    case .two: clanes_winograd2_target(m, place, O, bias, out, row, O)
    case .four: clanes_winograd4_target(m, place, O, bias, out, row, O)
    case .strided: clanes_strided_target(m, place, O, bias, out, row, O)
    case .stridedData: clanes_strided_data_target(m, place, O, bias, out, row, O)
    }
    if isWhole { return }
    for i in 0..<height { (first + i * W * O).update(from: patch + i * row, count: width * O) }
  }

  /// `side` × `side` pixels from (h, w) on, and the distance of their rows: where they lie, or a copy in
  /// `patch` with zeros for those outside the picture.
  @inline(__always)
  private func pixels(
    _ x: UnsafePointer<Float>, H: Int, W: Int, C: Int, n: Int, h: Int, w: Int, side: Int,
    patch: UnsafeMutablePointer<Float>
  ) -> (UnsafePointer<Float>, Int) {
    let picture = x + n * H * W * C
    if h >= 0 && w >= 0 && h + side <= H && w + side <= W {
      return (picture + (h * W + w) * C, W * C)
    }
    let (left, right) = (max(0, -w), min(side, W - w))
    for i in 0..<side {
      let line = patch + i * side * C
      guard h + i >= 0 && h + i < H else {
        line.update(repeating: 0, count: side * C)
        continue
      }
      line.update(repeating: 0, count: left * C)
      (line + left * C).update(
        from: picture + ((h + i) * W + w + left) * C, count: (right - left) * C)
      (line + right * C).update(repeating: 0, count: (side - right) * C)
    }
    return (UnsafePointer(patch), side * C)
  }
}
