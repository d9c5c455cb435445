/// `y[n, c] = Σ x[n, i, c] / I` over the pixels of a picture.
///
/// - Shapes: `x` `[N, I, C]`, `y` `[N, C]`.
struct GlobalAveragePool {
  var N, I, C: Int

  func forward(x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>) {
    for n in 0..<N {
      let out = y + n * C
      out.update(repeating: 0, count: C)
      for i in 0..<I {
        let row = x + (n * I + i) * C
        for c in 0..<C { out[c] += row[c] }
      }
      for c in 0..<C { out[c] /= Float(I) }
    }
  }

  /// `dx[n, i, c] = dy[n, c] / I`.
  func backward(dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>) {
    for n in 0..<N {
      let source = dy + n * C
      for i in 0..<I {
        let row = dx + (n * I + i) * C
        for c in 0..<C { row[c] = source[c] / Float(I) }
      }
    }
  }
}
