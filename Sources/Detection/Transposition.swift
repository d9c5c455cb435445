/// `columns[j][i] = rows[i · stride + j]`: a 16 × 16 block, turned over its diagonal.
///
/// Zipping vector i with vector i + 8 moves the highest bit of the row to the lowest place of the
/// column. After four such rounds row and column have changed places.
@inline(__always)
func transpose16(
  _ rows: UnsafePointer<Float>, stride: Int, into columns: UnsafeMutablePointer<Lanes>
) {
  @inline(__always) func row(_ i: Int) -> Lanes { load16(rows + i * stride) }
  var (a0, a1) = zipped(row(0), row(8))
  var (a2, a3) = zipped(row(1), row(9))
  var (a4, a5) = zipped(row(2), row(10))
  var (a6, a7) = zipped(row(3), row(11))
  var (a8, a9) = zipped(row(4), row(12))
  var (a10, a11) = zipped(row(5), row(13))
  var (a12, a13) = zipped(row(6), row(14))
  var (a14, a15) = zipped(row(7), row(15))
  for _ in 0..<3 {
    let (b0, b1) = zipped(a0, a8)
    let (b2, b3) = zipped(a1, a9)
    let (b4, b5) = zipped(a2, a10)
    let (b6, b7) = zipped(a3, a11)
    let (b8, b9) = zipped(a4, a12)
    let (b10, b11) = zipped(a5, a13)
    let (b12, b13) = zipped(a6, a14)
    let (b14, b15) = zipped(a7, a15)
    (a0, a1, a2, a3, a4, a5, a6, a7) = (b0, b1, b2, b3, b4, b5, b6, b7)
    (a8, a9, a10, a11, a12, a13, a14, a15) = (b8, b9, b10, b11, b12, b13, b14, b15)
  }
  (columns[0], columns[1], columns[2], columns[3]) = (a0, a1, a2, a3)
  (columns[4], columns[5], columns[6], columns[7]) = (a4, a5, a6, a7)
  (columns[8], columns[9], columns[10], columns[11]) = (a8, a9, a10, a11)
  (columns[12], columns[13], columns[14], columns[15]) = (a12, a13, a14, a15)
}

/// The lanes of two vectors in turn: (a0, b0, a1, b1, …, b7), (a8, b8, …, b15).
@inline(__always)
private func zipped(_ a: Lanes, _ b: Lanes) -> (Lanes, Lanes) {
  var low = a
  low.evenHalf = a.lowHalf
  low.oddHalf = b.lowHalf
  var high = a
  high.evenHalf = a.highHalf
  high.oddHalf = b.highHalf
  return (low, high)
}
