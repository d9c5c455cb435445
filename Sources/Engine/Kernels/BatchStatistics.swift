/// Per channel, the mean and the biased variance of `x` over all rows.
///
/// Differences from the first row are summed, in blocks of FP32 and over blocks in Double, so that a
/// mean far from zero costs no digits.
/// - Shapes: `x` `[rows, C]`; `mean`, `variance`, `sums`, `squares` `[C]`; the last two are scratch.
func batchStatistics(
  x: UnsafePointer<Float>, rows: Int, C: Int, mean: UnsafeMutablePointer<Float>,
  variance: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Double>,
  squares: UnsafeMutablePointer<Double>
) {
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
      let p = x + c
      let (o0, o1) = (Lanes(loading: p), Lanes(loading: p + 16))
      let (o2, o3) = (Lanes(loading: p + 32), Lanes(loading: p + 48))
      var (s0, s1, s2, s3) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
      var (q0, q1, q2, q3) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
      var q = p + row * C
      for _ in row..<rowEnd {
        let d0 = Lanes(loading: q) - o0
        let d1 = Lanes(loading: q + 16) - o1
        let d2 = Lanes(loading: q + 32) - o2
        let d3 = Lanes(loading: q + 48) - o3
        s0 += d0
        s1 += d1
        s2 += d2
        s3 += d3
        q0 = q0.adding(d0, times: d0)
        q1 = q1.adding(d1, times: d1)
        q2 = q2.adding(d2, times: d2)
        q3 = q3.adding(d3, times: d3)
        q += C
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
      let origin = Lanes(loading: x + c, upTo: count)
      var (s0, s1, q0, q1) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
      var r = row
      while r + 2 <= rowEnd {
        let d0 = Lanes(loading: x + r * C + c, upTo: count) - origin
        let d1 = Lanes(loading: x + (r + 1) * C + c, upTo: count) - origin
        s0 += d0
        s1 += d1
        q0 = q0.adding(d0, times: d0)
        q1 = q1.adding(d1, times: d1)
        r += 2
      }
      if r < rowEnd {
        let d = Lanes(loading: x + r * C + c, upTo: count) - origin
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
    mean[c] = Float(Double(x[c]) + offset)
    variance[c] = Float(max(0, squares[c] / Double(rows) - offset * offset))
  }
}
