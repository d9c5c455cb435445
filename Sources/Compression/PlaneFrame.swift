import CZstd

extension FrameCompressor {
  /// Writes one frame with the `planeCount` planes of `planes` to the start of `frame`, and returns
  /// its length. The first planes are compressed, each with a code of its own; from the first one on
  /// behind which all are noise, bytes are stored as they are.
  ///
  /// That is where the speed comes from: of a float's four planes one is compressed and three are
  /// copied. A reader sees an ordinary frame.
  ///
  /// `frame` must hold `planeFrameBound(planes.count)` bytes. *Source:* RFC 8878, section 3.1.1.
  public func compressPlanes(
    _ planes: UnsafeRawBufferPointer, planeCount: Int, into frame: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    precondition(
      (1...8).contains(planeCount) && planes.count % planeCount == 0 && !planes.isEmpty
        && planes.count <= Int(UInt32.max),
      "\(planes.count) bytes in \(planeCount) planes")
    precondition(frame.count >= Self.planeFrameBound(planes.count), "room for \(frame.count) bytes")
    let n = planes.count / planeCount
    func plane(_ p: Int) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: planes[p * n..<(p + 1) * n])
    }
    var compressed = planeCount
    while compressed > 0, isNoise(plane(compressed - 1)) { compressed -= 1 }

    var writer = FrameWriter(frame)
    writer.beginFrame(contentByteCount: planes.count)
    if compressed > 0 {
      // Exponents repeat by chance only, and following such repetitions costs time and bytes; planes
      // of mostly one value do repeat.
      let context = hasFavourite(plane(0)) ? self.context : entropyContext
      try checked(ZSTD_CCtx_reset(context, ZSTD_reset_session_only))
      // So that a small frame gets small tables.
      try checked(ZSTD_CCtx_setPledgedSrcSize(context, UInt64(compressed * n)))
      let start = writer.count
      var output = ZSTD_outBuffer(
        dst: frame.baseAddress! + start, size: frame.count - start, pos: 0)
      for p in 0..<compressed {
        var input = ZSTD_inBuffer(src: plane(p).baseAddress, size: n, pos: 0)
        let remaining = try checked(
          ZSTD_compressStream2(context, &output, &input, ZSTD_e_flush))
        guard remaining == 0, input.pos == n else {
          throw .zstd("the frame is longer than zstd's own bound")
        }
      }
      // zstd wrote a header of its own; the blocks behind it are what is wanted. Nothing lies before
      // them in this frame either, so their references mean the same.
      let header = Self.headerByteCount(descriptor: frame[start + 4])
      (frame.baseAddress! + start).copyMemory(
        from: frame.baseAddress! + start + header, byteCount: output.pos - header)
      writer.count = start + output.pos - header
    }
    writer.appendStored(UnsafeRawBufferPointer(rebasing: planes[(compressed * n)...]))
    writer.appendChecksum(UInt32(truncatingIfNeeded: xxh64(planes)))
    return writer.count
  }

  /// The most bytes that `compressPlanes` can need.
  public static func planeFrameBound(_ byteCount: Int) -> Int {
    // Each plane may end in a block of its own; headers and checksum.
    ZSTD_compressBound(byteCount) + 8 * 16 + 64
  }

  /// RFC 8878, 3.1.1.1: magic number, descriptor, window, dictionary and content size.
  private static func headerByteCount(descriptor: UInt8) -> Int {
    let isSingleSegment = descriptor & 0x20 != 0
    let content = [isSingleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
    return 5 + (isSingleSegment ? 0 : 1) + [0, 1, 2, 4][Int(descriptor & 3)] + content
  }
}

/// How often each byte occurs in a sample of up to 4096 bytes, in 16 runs spread over `bytes`.
private func sampleCounts(_ bytes: UnsafeRawBufferPointer) -> (counts: [Int], total: Int) {
  var counts = [Int](repeating: 0, count: 256)
  let (runCount, runLength) = (16, 256)
  guard bytes.count > runCount * runLength else {
    for byte in bytes { counts[Int(byte)] += 1 }
    return (counts, bytes.count)
  }
  let stride = (bytes.count - runLength) / (runCount - 1)
  for run in 0..<runCount {
    for i in 0..<runLength { counts[Int(bytes[run * stride + i])] += 1 }
  }
  return (counts, runCount * runLength)
}

/// Whether half of the bytes have one value, judged by a sample.
private func hasFavourite(_ bytes: UnsafeRawBufferPointer) -> Bool {
  let (counts, total) = sampleCounts(bytes)
  return 2 * counts.max()! > total
}

/// Whether an entropy coder would gain less than one part in forty, judged by a sample.
///
/// Small planes are never called noise: there zstd itself finds out, at no cost worth saving.
private func isNoise(_ bytes: UnsafeRawBufferPointer) -> Bool {
  guard bytes.count >= 8192 else { return false }
  let (counts, total) = sampleCounts(bytes)
  // The order-0 entropy of a sample is 8 - chi²/(2·ln 2·total) bits to second order. Noise has a
  // chi² of 255 ± 23; 0.2 bits less than noise add 1136 for 4096 bytes.
  let expected = Double(total) / 256
  let chiSquare = counts.reduce(0.0) {
    $0 + (Double($1) - expected) * (Double($1) - expected) / expected
  }
  return chiSquare < 255 + 1136
}

/// Puts the parts of a frame that zstd does not write itself.
private struct FrameWriter {
  let frame: UnsafeMutableRawBufferPointer
  var count = 0

  init(_ frame: UnsafeMutableRawBufferPointer) { self.frame = frame }

  private mutating func append(_ value: UInt32, byteCount: Int) {
    for i in 0..<byteCount { frame[count + i] = UInt8(truncatingIfNeeded: value >> UInt32(8 * i)) }
    count += byteCount
  }

  /// A single segment with a content size of four bytes and a checksum.
  mutating func beginFrame(contentByteCount: Int) {
    append(0xFD2F_B528, byteCount: 4)
    append(0b1010_0100, byteCount: 1)
    append(UInt32(contentByteCount), byteCount: 4)
  }

  /// Raw blocks, the last one marked as the frame's last; an empty one if there are no bytes.
  mutating func appendStored(_ bytes: UnsafeRawBufferPointer) {
    var start = 0
    repeat {
      let length = min(128 << 10, bytes.count - start)
      let isLast = start + length == bytes.count
      append(UInt32(length) << 3 | (isLast ? 1 : 0), byteCount: 3)
      UnsafeMutableRawBufferPointer(rebasing: frame[count..<count + length])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
      count += length
      start += length
    } while start < bytes.count
  }

  mutating func appendChecksum(_ value: UInt32) { append(value, byteCount: 4) }
}
