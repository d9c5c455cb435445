/// What is to be done with a plane, judged by a sample of its bytes.
enum PlaneKind {
  /// An entropy coder would gain less than one part in forty.
  case noise
  /// Nine of ten bytes have one value, or more.
  case monotonous
  case mixed

  /// The sample are up to 1024 bytes, in 16 runs spread over `bytes`.
  init(_ bytes: UnsafeRawBufferPointer) {
    let (runCount, runLength) = (16, 64)
    let isShort = bytes.count <= runCount * runLength
    let total = isShort ? bytes.count : runCount * runLength
    let stride = isShort ? 0 : (bytes.count - runLength) / (runCount - 1)
    self = withUnsafeTemporaryAllocation(of: Int32.self, capacity: 256) { counts in
      counts.initialize(repeating: 0)
      let (counts, base) = (counts.baseAddress!, bytes.baseAddress!)
      for run in 0..<(isShort ? 1 : runCount) {
        let p = base + run * stride
        for i in 0..<(isShort ? total : runLength) {
          counts[Int(p.load(fromByteOffset: i, as: UInt8.self))] &+= 1
        }
      }
      var (most, squares) = (Int32(0), Int32(0))
      for i in 0..<256 {
        most = max(most, counts[i])
        squares &+= counts[i] &* counts[i]
      }
      if 10 * Int(most) > 9 * total { return .monotonous }
      // Small planes are never called noise: there zstd itself finds out, at no cost worth saving.
      guard bytes.count >= 8192 else { return .mixed }
      // The order-0 entropy of a sample is 8 - chi²/(2·ln 2·total) bits to second order. Noise has a
      // chi² of 255 ± 23; 0.2 bits less than noise add 284 for 1024 bytes.
      let chiSquare = Double(squares) * 256 / Double(total) - Double(total)
      return chiSquare < 255 + 284 ? .noise : .mixed
    }
  }
}
