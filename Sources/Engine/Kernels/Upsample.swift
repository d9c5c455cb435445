/// Repeats every pixel `factor` × `factor` times: `y[n, h, w, c] = x[n, h / factor, w / factor, c]`.
///
/// - Shapes: `x` `[N, H, W, C]`, `y` `[N, factor·H, factor·W, C]`.
struct Upsample {
  var N, H, W, C, factor: Int

  func forward(x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>) {
    for row in 0..<N * H * factor {
      let source = x + row / factor * W * C
      let target = y + row * W * factor * C
      for w in 0..<W * factor {
        (target + w * C).update(from: source + w / factor * C, count: C)
      }
    }
  }

  /// `dx[n, h, w, c] = Σ dy` over the pixel's copies, in place of or added to `dx`.
  func backward(dy: UnsafePointer<Float>, accumulate: Bool, dx: UnsafeMutablePointer<Float>) {
    if !accumulate { dx.update(repeating: 0, count: N * H * W * C) }
    for row in 0..<N * H * factor {
      let target = dx + row / factor * W * C
      let source = dy + row * W * factor * C
      for w in 0..<W * factor {
        let (t, s) = (target + w / factor * C, source + w * C)
        for c in 0..<C { t[c] += s[c] }
      }
    }
  }
}
