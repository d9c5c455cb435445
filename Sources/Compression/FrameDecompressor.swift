import CZstd

/// Reads zstd frames that carry their raw length and a checksum, and nothing else.
///
/// Not to be used from two threads at once; it is cheap to reuse.
public final class FrameDecompressor {
  private let context: OpaquePointer

  public init() throws(CompressionError) {
    guard let context = ZSTD_createDCtx() else { throw .zstd("no memory for a context") }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Checks, without decompressing, that `frame` is exactly one frame with a checksum that
  /// announces `byteCount` raw bytes.
  public static func check(
    _ frame: UnsafeRawBufferPointer, expectedByteCount byteCount: Int
  ) throws(CompressionError) {
    // The shortest header is four bytes of magic number, the descriptor, and one more.
    guard frame.count >= 6 else { throw .notAFrame(byteCount: frame.count) }
    let length = ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
    guard ZSTD_isError(length) == 0 else { throw .notAFrame(byteCount: frame.count) }
    guard length == frame.count else {
      throw .frameLength(found: length, expected: frame.count)
    }
    let announced = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    // bounded: a count is not negative
    guard announced == UInt64(byteCount) else {
      throw .rawLength(found: announced, expected: byteCount)
    }
    // RFC 8878, 3.1.1.1.1: bit 2 of the frame header descriptor is the checksum flag.
    guard frame[4] & 0b100 != 0 else { throw .noChecksum }
  }

  /// The raw length that a frame's header announces; `head` is its first 18 bytes, or all of it.
  /// `nil` for bytes that are no frame and for a frame that does not say.
  public static func announcedByteCount(_ head: [UInt8]) -> Int? {
    // The function's two special values, unknown and error, do not fit in an `Int`.
    head.withUnsafeBytes { Int(exactly: ZSTD_getFrameContentSize($0.baseAddress, $0.count)) }
  }

  /// Fills `bytes`, to its last byte, from `frame`, which must hold exactly that much.
  ///
  /// On an error the contents of `bytes` are of no use. The C function is `ZSTD_decompressDCtx`.
  public func decompress(
    _ frame: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) {
    try Self.check(frame, expectedByteCount: bytes.count)
    let count = try checked(
      ZSTD_decompressDCtx(
        context, bytes.baseAddress, bytes.count, frame.baseAddress, frame.count))
    guard count == bytes.count else {
      // bounded: a count is not negative
      throw .rawLength(found: UInt64(count), expected: bytes.count)
    }
  }
}

/// The raw bytes of `frame`. Memory is taken only after the frame's own lengths agree with
/// `expectedByteCount`.
public func decompress(
  _ frame: UnsafeRawBufferPointer, expectedByteCount: Int
) throws(CompressionError) -> [UInt8] {
  try FrameDecompressor.check(frame, expectedByteCount: expectedByteCount)
  let decompressor = try FrameDecompressor()
  var bytes = [UInt8](repeating: 0, count: expectedByteCount)
  try bytes.withUnsafeMutableBytes { room in
    Result { () throws(CompressionError) in try decompressor.decompress(frame, into: room) }
  }.get()
  return bytes
}

/// The raw bytes of `frame`.
public func decompress(
  _ frame: [UInt8], expectedByteCount: Int
) throws(CompressionError) -> [UInt8] {
  try frame.withUnsafeBytes { source in
    Result { () throws(CompressionError) in
      try decompress(source, expectedByteCount: expectedByteCount)
    }
  }.get()
}
