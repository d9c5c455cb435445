import CLanes

/// Repeats every pixel `factor` × `factor` times: `y[n, h, w, c] = x[n, h / factor, w / factor, c]`.
///
/// - Shapes: `x` `[N, H, W, C]`, `y` `[N, factor·H, factor·W, C]`, of one format.
struct Upsample {
  var N, H, W, C, factor: Int

  func forward(x: Rows, y: Rows) {
    precondition(x.format == y.format, "\(x.format) to \(y.format)")
    let byteCount = C * x.format.byteCount
    for line in 0..<N * H * factor {
      for w in 0..<W * factor {
        y.address(row: line * W * factor + w).copyMemory(
          from: x.address(row: line / factor * W + w / factor), byteCount: byteCount)
      }
    }
  }

  /// `dx[n, h, w, c] = Σ dy` over the pixel's copies.
  func backward(dy: Rows, dx: UnsafeMutablePointer<Float>) {
    for pixel in 0..<N * H * W {
      let (line, w) = (pixel / W, pixel % W)
      let target = dx + pixel * C
      forEachLanes(C) { c, n in
        var sum = Lanes.zero
        for i in 0..<factor {
          for j in 0..<factor {
            let row = (line * factor + i) * W * factor + w * factor + j
            let source = dy.address(row: row, channel: c).assumingMemoryBound(to: Float.self)
            clanes_prefetch(source + 4 * factor * dy.rowStride)
            sum += Lanes(loading: source, upTo: n)
          }
        }
        sum.store(target + c, upTo: n)
      }
    }
  }
}
