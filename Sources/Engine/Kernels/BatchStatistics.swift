/// Per channel, the mean and the biased variance of `x` over all rows.
///
/// Differences from the first row are summed, in blocks of FP32 and over blocks in Double, so that a
/// mean far from zero costs no digits.
/// - Shapes: `x` `[rows, C]`, FP32 or bf16 without gaps; `mean`, `variance`, `sums`, `squares` `[C]`; the
///   last two are scratch.
func batchStatistics(
  x: Rows, rows: Int, C: Int, mean: UnsafeMutablePointer<Float>,
  variance: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Double>,
  squares: UnsafeMutablePointer<Double>
) {
  precondition(x.isDense && x.format != .gridByte, "\(x.format), \(C) of \(x.rowStride) channels")
  if x.format == .float32 {
    batchStatistics(Float32Storage.self, x.base, rows, C, mean, variance, sums, squares)
  } else {
    batchStatistics(BFloat16Storage.self, x.base, rows, C, mean, variance, sums, squares)
  }
}

@inline(__always)
private func batchStatistics<S: ElementStorage>(
  _ s: S.Type, _ x: UnsafeRawPointer, _ rows: Int, _ C: Int, _ mean: UnsafeMutablePointer<Float>,
  _ variance: UnsafeMutablePointer<Float>, _ sums: UnsafeMutablePointer<Double>,
  _ squares: UnsafeMutablePointer<Double>
) {
  @inline(__always) func load(_ i: Int) -> Lanes { S.load(x + i * S.byteCount) }
  @inline(__always) func load(_ i: Int, _ count: Int) -> Lanes {
    loadLanes(s, x + i * S.byteCount, count)
  }
  for c in 0..<C {
    sums[c] = 0
    squares[c] = 0
  }
  // Long enough that adding a block to the sums costs little, short enough to stay in the cache.
  let blockRows = 128
  var row = 0
  while row < rows {
    let rowEnd = min(row + blockRows, rows)
    var c = 0
    // Four vectors of channels side by side hide the latency of the additions.
    while c + 4 * Lanes.width <= C {
      let (o0, o1, o2, o3) = (load(c), load(c + 16), load(c + 32), load(c + 48))
      var (s0, s1, s2, s3) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
      var (q0, q1, q2, q3) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
      var i = row * C + c
      for _ in row..<rowEnd {
        let d0 = load(i) - o0
        let d1 = load(i + 16) - o1
        let d2 = load(i + 32) - o2
        let d3 = load(i + 48) - o3
        s0 += d0
        s1 += d1
        s2 += d2
        s3 += d3
        q0 = q0.adding(d0, times: d0)
        q1 = q1.adding(d1, times: d1)
        q2 = q2.adding(d2, times: d2)
        q3 = q3.adding(d3, times: d3)
        i += C
      }
      s0.add(to: sums + c)
      s1.add(to: sums + c + 16)
      s2.add(to: sums + c + 32)
      s3.add(to: sums + c + 48)
      q0.add(to: squares + c)
      q1.add(to: squares + c + 16)
      q2.add(to: squares + c + 32)
      q3.add(to: squares + c + 48)
      c += 4 * Lanes.width
    }
    while c < C {
      let count = min(Lanes.width, C - c)
      let origin = load(c, count)
      var (s0, s1, q0, q1) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
      var r = row
      while r + 2 <= rowEnd {
        let d0 = load(r * C + c, count) - origin
        let d1 = load((r + 1) * C + c, count) - origin
        s0 += d0
        s1 += d1
        q0 = q0.adding(d0, times: d0)
        q1 = q1.adding(d1, times: d1)
        r += 2
      }
      if r < rowEnd {
        let d = load(r * C + c, count) - origin
        s0 += d
        q0 = q0.adding(d, times: d)
      }
      (s0 + s1).add(to: sums + c, count: count)
      (q0 + q1).add(to: squares + c, count: count)
      c += count
    }
    row = rowEnd
  }
  for c in 0..<C {
    let offset = sums[c] / Double(rows)
    mean[c] = Float(Double(load(c, 1)[0]) + offset)
    variance[c] = Float(max(0, squares[c] / Double(rows) - offset * offset))
  }
}
