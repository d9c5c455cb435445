import CZstd

extension FrameCompressor {
  /// Planes of fewer bytes together are stored as they are: to start zstd takes longer than what it
  /// would save is worth.
  public static let worthwhilePlanesByteCount = 2048

  /// Writes one frame with the `planeCount` planes of `planes` to the start of `frame`, and returns
  /// its length. The first planes are compressed, each with a code of its own; from the first one on
  /// behind which all are noise, bytes are stored as they are. So are frames of less than 2 KiB.
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
    var compressed = planes.count < Self.worthwhilePlanesByteCount ? 0 : planeCount
    while compressed > 0, PlaneKind(plane(compressed - 1)) == .noise { compressed -= 1 }
    // Exponents repeat by chance only, and following such repetitions costs time and bytes; planes
    // of almost one value do repeat.
    var repetitive = 0
    while repetitive < compressed, PlaneKind(plane(repetitive)) == .monotonous { repetitive += 1 }

    var writer = FrameWriter(frame)
    writer.beginFrame(contentByteCount: planes.count)
    let start = writer.count
    func append(_ range: Range<Int>, _ context: OpaquePointer) throws(CompressionError) {
      try appendBlocks(
        UnsafeRawBufferPointer(rebasing: planes[range.lowerBound * n..<range.upperBound * n]),
        planeCount: range.count, context, to: &writer)
    }
    try append(0..<repetitive, context)
    let second = writer.count
    try append(repetitive..<compressed, entropyContext)
    if repetitive > 0, !FrameBlocks.copyNothing(frame[second..<writer.count]) {
      // Blocks that copy from what lies before them may say so in terms of earlier blocks, and those
      // came from another context.
      writer.count = start
      try append(0..<compressed, context)
    }
    writer.appendStored(UnsafeRawBufferPointer(rebasing: planes[(compressed * n)...]))
    writer.appendChecksum(UInt32(truncatingIfNeeded: xxh64(planes)))
    return writer.count
  }

  /// Compresses planes of equal length into blocks of their own and appends these, none of them the
  /// frame's last.
  private func appendBlocks(
    _ planes: UnsafeRawBufferPointer, planeCount: Int, _ context: OpaquePointer,
    to writer: inout FrameWriter
  ) throws(CompressionError) {
    guard planeCount > 0 else { return }
    try checked(ZSTD_CCtx_reset(context, ZSTD_reset_session_only))
    // So that a small frame gets small tables.
    try checked(ZSTD_CCtx_setPledgedSrcSize(context, UInt64(planes.count)))
    let (frame, start) = (writer.frame, writer.count)
    var output = ZSTD_outBuffer(
      dst: frame.baseAddress! + start, size: frame.count - start, pos: 0)
    var input = ZSTD_inBuffer(src: planes.baseAddress, size: 0, pos: 0)
    for plane in 1...planeCount {
      input.size = planes.count / planeCount * plane
      let remaining = try checked(ZSTD_compressStream2(context, &output, &input, ZSTD_e_flush))
      guard remaining == 0, input.pos == input.size else {
        throw .zstd("the frame is longer than zstd's own bound")
      }
    }
    // zstd wrote a header of its own; the blocks behind it are what is wanted.
    let header = Self.headerByteCount(descriptor: frame[start + 4])
    (frame.baseAddress! + start).copyMemory(
      from: frame.baseAddress! + start + header, byteCount: output.pos - header)
    writer.count = start + output.pos - header
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
