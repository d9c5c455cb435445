/// The maximum of every window, and where it was.
///
/// - Shapes: `x` `[N, H, W, C]`, `y` and `chosen` `[N, P, Q, C]`. `chosen` holds the position in the
///   window, row by row; of equal values the first one counts. Padding is never chosen. A NaN at the
///   first position in the picture stays, one elsewhere is passed over: whatever the values, `chosen`
///   is a position in the picture.
struct MaxPool {
  /// A position in the window must fit a byte.
  static let kernelLimit = 16

  var N, H, W, C, P, Q: Int
  var kernel, stride, padding: Int

  func forward(
    x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>, chosen: UnsafeMutablePointer<UInt8>
  ) {
    for n in 0..<N {
      for p in 0..<P {
        for q in 0..<Q {
          let out = ((n * P + p) * Q + q) * C
          var isFirst = true
          forEachTap(p, q) { h, w, tap in
            let source = x + ((n * H + h) * W + w) * C
            if isFirst {
              isFirst = false
              (y + out).update(from: source, count: C)
              (chosen + out).update(repeating: UInt8(truncatingIfNeeded: tap), count: C)
              return
            }
            for c in 0..<C where source[c] > y[out + c] {
              y[out + c] = source[c]
              chosen[out + c] = UInt8(truncatingIfNeeded: tap)
            }
          }
        }
      }
    }
  }

  /// Adds `dy` to `dx` where the maximum came from.
  func backward(
    dy: UnsafePointer<Float>, chosen: UnsafePointer<UInt8>, dx: UnsafeMutablePointer<Float>
  ) {
    for n in 0..<N {
      for p in 0..<P {
        for q in 0..<Q {
          let out = ((n * P + p) * Q + q) * C
          for c in 0..<C {
            let h = p * stride - padding + Int(chosen[out + c]) / kernel
            let w = q * stride - padding + Int(chosen[out + c]) % kernel
            dx[((n * H + h) * W + w) * C + c] += dy[out + c]
          }
        }
      }
    }
  }

  @inline(__always)
  private func forEachTap(_ p: Int, _ q: Int, _ body: (Int, Int, Int) -> Void) {
    for i in 0..<kernel {
      let h = p * stride - padding + i
      if h < 0 || h >= H { continue }
      for j in 0..<kernel {
        let w = q * stride - padding + j
        if w < 0 || w >= W { continue }
        body(h, w, i * kernel + j)
      }
    }
  }
}
