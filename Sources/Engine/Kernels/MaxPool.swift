import CLanes

/// The maximum of every window, and where it was.
///
/// - Shapes: `x` `[N, H, W, C]`, `y` and `chosen` `[N, P, Q, C]`; `x` and `y` of one format. `chosen`
///   holds the position in the window, row by row; of equal values the first one counts. Padding is
///   never chosen. A NaN at the first position in the picture stays, one elsewhere is passed over:
///   whatever the values, `chosen` is a position in the picture.
struct MaxPool {
  /// A position in the window must fit a byte.
  static let kernelLimit = 16

  var N, H, W, C, P, Q: Int
  var kernel, stride, padding: Int

  func forward(x: Rows, y: Rows, chosen: UnsafeMutablePointer<UInt8>) {
    precondition(x.format == y.format, "\(x.format) to \(y.format)")
    switch x.format {
    case .float32: forward(Float32Storage.self, x, y, chosen)
    case .bfloat16: forward(BFloat16Storage.self, x, y, chosen)
    case .gridByte: forward(ByteStorage.self, x, y, chosen)
    }
  }

  @inline(__always)
  private func forward<S: ElementStorage>(
    _ s: S.Type, _ x: Rows, _ y: Rows, _ chosen: UnsafeMutablePointer<UInt8>
  ) {
    for n in 0..<N {
      for p in 0..<P {
        for q in 0..<Q {
          let out = (n * P + p) * Q + q
          var c = 0
          while c < C {
            let count = min(Lanes.width, C - c)
            var best = Lanes.zero
            var tapOfBest = SIMD16<Int32>.zero
            var isFirst = true
            forEachTap(p, q) { h, w, tap in
              let value = loadLanes(s, x.address(row: (n * H + h) * W + w, channel: c), count)
              let wins = isFirst ? value .== value .| value .!= value : value .> best
              isFirst = false
              best.replace(with: value, where: wins)
              tapOfBest.replace(with: Int32(truncatingIfNeeded: tap), where: wins)
            }
            storeLanes(s, best, y.address(row: out, channel: c), count)
            storeLanes(ByteStorage.self, clanes_to_f32(tapOfBest), chosen + out * C + c, count)
            c += Lanes.width
          }
        }
      }
    }
  }

  /// `dx = 0`, then `dy` is added where the maximum came from.
  ///
  /// - Shapes: `dx` `[N, H, W, C]`.
  func backward(dy: Rows, chosen: UnsafePointer<UInt8>, dx: UnsafeMutablePointer<Float>) {
    dx.update(repeating: 0, count: N * H * W * C)
    for n in 0..<N {
      for p in 0..<P {
        for q in 0..<Q {
          let out = (n * P + p) * Q + q
          let source = dy.address(row: out).assumingMemoryBound(to: Float.self)
          for c in 0..<C {
            let tap = Int(chosen[out * C + c])
            let h = p * stride - padding + tap / kernel
            let w = q * stride - padding + tap % kernel
            dx[((n * H + h) * W + w) * C + c] += source[c]
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
