import Glibc
import Graphs
import Quantization

/// The plain kernels: every operation as its defining sum, in Double, `[N, H, W, C]`.
struct ReferenceArray {
  var values: [Double]
  var N, H, W, C: Int

  init(_ values: [Double], N: Int, H: Int, W: Int, C: Int) {
    precondition(values.count == N * H * W * C, "\(values.count) values for \(N)×\(H)×\(W)×\(C)")
    (self.values, self.N, self.H, self.W, self.C) = (values, N, H, W, C)
  }

  /// Pixels of all pictures.
  var rows: Int { N * H * W }

  private func extent(_ size: Int, _ kernel: Int, _ stride: Int, _ padding: Int) -> Int {
    (size + 2 * padding - kernel) / stride + 1
  }

  /// `y[n,p,q,o] = b[o] + Σ x[n, p·s+i-pad, q·s+j-pad, c]·W[o,c,i,j]` over the channels of `o`'s group.
  func convolved(
    _ weight: [Double], bias: [Double]?, O: Int, kernel K: Int, stride: Int, padding: Int,
    groups: Int
  ) -> [Double] {
    let (P, Q) = (extent(H, K, stride, padding), extent(W, K, stride, padding))
    let (groupC, groupO) = (C / groups, O / groups)
    var y = [Double](repeating: 0, count: N * P * Q * O)
    for n in 0..<N {
      for p in 0..<P {
        for q in 0..<Q {
          for o in 0..<O {
            var sum = bias?[o] ?? 0
            let first = o / groupO * groupC
            for i in 0..<K {
              let h = p * stride + i - padding
              if h < 0 || h >= H { continue }
              for j in 0..<K {
                let w = q * stride + j - padding
                if w < 0 || w >= W { continue }
                let pixel = ((n * H + h) * W + w) * C + first
                for c in 0..<groupC {
                  sum += values[pixel + c] * weight[((o * groupC + c) * K + i) * K + j]
                }
              }
            }
            y[((n * P + p) * Q + q) * O + o] = sum
          }
        }
      }
    }
    return y
  }

  /// Per channel, the mean and the biased variance over all rows.
  func statistics() -> (mean: [Double], variance: [Double]) {
    var mean = [Double](repeating: 0, count: C)
    var variance = mean
    for c in 0..<C {
      for row in 0..<rows { mean[c] += values[row * C + c] / Double(rows) }
      for row in 0..<rows {
        let d = values[row * C + c] - mean[c]
        variance[c] += d * d / Double(rows)
      }
    }
    return (mean, variance)
  }

  /// `γ·(x - mean)/√(variance + ε) + β`
  func normalized(
    mean: [Double], variance: [Double], epsilon: Double, scale: [Double], shift: [Double]
  ) -> [Double] {
    values.indices.map { i in
      let c = i % C
      return scale[c] * (values[i] - mean[c]) / (variance[c] + epsilon).squareRoot() + shift[c]
    }
  }

  func activated(_ kind: Activation, branches: inout [Int32]) -> [Double] {
    switch kind {
    case .silu: return values.map { $0 / (1 + exp(-$0)) }
    case .relu:
      branches += values.map { $0 > 0 ? 1 : 0 }
      return values.map { max($0, 0) }
    case .relu6:
      branches += values.map { $0 > 0 ? ($0 < 6 ? 1 : 2) : 0 }
      return values.map { min(max($0, 0), 6) }
    }
  }

  func gated() -> [Double] { values.map { 1 / (1 + exp(-$0)) } }

  func upsampled(_ factor: Int) -> [Double] {
    var y: [Double] = []
    y.reserveCapacity(values.count * factor * factor)
    for n in 0..<N {
      for h in 0..<H * factor {
        for w in 0..<W * factor {
          let pixel = ((n * H + h / factor) * W + w / factor) * C
          y += values[pixel..<pixel + C]
        }
      }
    }
    return y
  }

  /// The first maximum of every window; padding takes no part.
  func maxPooled(kernel: Int, stride: Int, padding: Int, branches: inout [Int32]) -> [Double] {
    let (P, Q) = (extent(H, kernel, stride, padding), extent(W, kernel, stride, padding))
    var y: [Double] = []
    for n in 0..<N {
      for p in 0..<P {
        for q in 0..<Q {
          for c in 0..<C {
            var best: Int?
            for i in 0..<kernel {
              for j in 0..<kernel {
                let (h, w) = (p * stride + i - padding, q * stride + j - padding)
                guard (0..<H).contains(h), (0..<W).contains(w) else { continue }
                let index = ((n * H + h) * W + w) * C + c
                if best == nil || values[index] > values[best!] { best = index }
              }
            }
            y.append(values[best!])
            branches.append(Int32(best!))
          }
        }
      }
    }
    return y
  }

  func averaged() -> [Double] {
    (0..<N * C).map { i in
      let (n, c) = (i / C, i % C)
      return (0..<H * W).reduce(0) { $0 + values[(n * H * W + $1) * C + c] } / Double(H * W)
    }
  }

  /// Whether `x` is rounded to an integer of the grid and not clamped to its end.
  static func rounds(_ x: Float, into grid: Grid) -> Bool {
    let q = (x / grid.scale).rounded(.toNearestOrEven) + Float(grid.zeroPoint)
    return q >= Float(grid.minimum) && q <= Float(grid.maximum)
  }
}
