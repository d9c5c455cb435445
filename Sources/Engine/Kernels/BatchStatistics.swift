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
  Strips(rows: rows, C: C).forEach { row, rowEnd, c, count in
    var (sum, square) = (Lanes(repeating: 0), Lanes(repeating: 0))
    if count == Lanes.width {
      let origin = Lanes(loading: x + c)
      for r in row..<rowEnd {
        let d = Lanes(loading: x + r * C + c) - origin
        sum += d
        square += d * d
      }
    } else {
      let origin = Lanes(loading: x + c, count: count)
      for r in row..<rowEnd {
        let d = Lanes(loading: x + r * C + c, count: count) - origin
        sum += d
        square += d * d
      }
    }
    for k in 0..<count {
      sums[c + k] += Double(sum[k])
      squares[c + k] += Double(square[k])
    }
  }
  for c in 0..<C {
    let offset = sums[c] / Double(rows)
    mean[c] = Float(Double(x[c]) + offset)
    variance[c] = Float(max(0, squares[c] / Double(rows) - offset * offset))
  }
}
