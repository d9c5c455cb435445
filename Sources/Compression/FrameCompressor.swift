import CZstd

/// Makes zstd frames that carry their raw length and a checksum.
///
/// Same bytes, same level, same zstd version: the same frame. Not to be used from two threads at
/// once; it is cheap to reuse.
public final class FrameCompressor {
  /// The levels this zstd offers. Negative ones are faster than 1.
  public static var levels: ClosedRange<Int> { Int(ZSTD_minCLevel())...Int(ZSTD_maxCLevel()) }

  let context: OpaquePointer
  /// Codes bytes by how often each occurs, and looks for no repetitions.
  let entropyContext: OpaquePointer

  public init(level: Int) throws(CompressionError) {
    guard Self.levels.contains(level) else {
      throw .level(level, allowed: Self.levels)
    }
    guard let context = ZSTD_createCCtx(), let entropyContext = ZSTD_createCCtx() else {
      throw .zstd("no memory for a context")
    }
    self.context = context
    self.entropyContext = entropyContext
    try checked(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level)))
    try checked(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
    try checked(ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1))
    // The level that skips most, with its literals coded all the same (1: always). That switch is
    // marked experimental; a zstd without it gets the next best.
    try checked(ZSTD_CCtx_setParameter(entropyContext, ZSTD_c_compressionLevel, ZSTD_minCLevel()))
    let isRefused = ZSTD_isError(ZSTD_CCtx_setParameter(entropyContext, literalCompression, 1)) != 0
    if isRefused {
      try checked(ZSTD_CCtx_setParameter(entropyContext, ZSTD_c_compressionLevel, 1))
    }
  }

  deinit {
    ZSTD_freeCCtx(context)
    ZSTD_freeCCtx(entropyContext)
  }

  /// The most bytes a frame of `byteCount` raw bytes in up to eight parts can take. The C function
  /// is `ZSTD_compressBound`; each part may cost one block header of three bytes more.
  public static func byteBound(_ byteCount: Int) -> Int { ZSTD_compressBound(byteCount) + 8 * 3 }

  /// Writes one frame to the start of `frame` and returns its length.
  ///
  /// The bytes may be in up to eight parts of equal length whose contents differ in kind, such as
  /// byte planes: a block never reaches from one part into the next, so each gets a code of its
  /// own. A reader sees nothing of this.
  ///
  /// `frame` must hold `byteBound(bytes.count)` bytes. The C function is `ZSTD_compressStream2`.
  public func compress(
    _ bytes: UnsafeRawBufferPointer, partCount: Int = 1,
    into frame: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Int {
    precondition(
      (1...8).contains(partCount) && bytes.count % partCount == 0,
      "\(bytes.count) bytes in \(partCount) parts")
    precondition(
      frame.count >= Self.byteBound(bytes.count),
      "room for \(frame.count) bytes, \(Self.byteBound(bytes.count)) needed")
    try checked(ZSTD_CCtx_reset(context, ZSTD_reset_session_only))
    try checked(ZSTD_CCtx_setPledgedSrcSize(context, UInt64(bytes.count)))
    var output = ZSTD_outBuffer(dst: frame.baseAddress, size: frame.count, pos: 0)
    var input = ZSTD_inBuffer(src: bytes.baseAddress, size: 0, pos: 0)
    for part in 1...partCount {
      input.size = bytes.count / partCount * part
      let isLast = part == partCount
      let remaining = try checked(
        ZSTD_compressStream2(context, &output, &input, isLast ? ZSTD_e_end : ZSTD_e_flush))
      guard remaining == 0, input.pos == input.size else {
        throw .zstd("the frame is longer than zstd's own bound")
      }
    }
    return output.pos
  }
}

/// zstd's ZSTD_c_literalCompressionMode, whose name is given to programs only that link it statically.
private let literalCompression = ZSTD_c_experimentalParam5

/// One zstd frame of `bytes`, with raw length and checksum.
public func compress(
  _ bytes: UnsafeRawBufferPointer, level: Int
) throws(CompressionError) -> [UInt8] {
  let compressor = try FrameCompressor(level: level)
  var frame = [UInt8](repeating: 0, count: FrameCompressor.byteBound(bytes.count))
  let result = frame.withUnsafeMutableBytes { room in
    Result { () throws(CompressionError) in try compressor.compress(bytes, into: room) }
  }
  frame.removeLast(frame.count - (try result.get()))
  return frame
}

/// One zstd frame of `bytes`, with raw length and checksum.
public func compress(_ bytes: [UInt8], level: Int) throws(CompressionError) -> [UInt8] {
  try bytes.withUnsafeBytes { source in
    Result { () throws(CompressionError) in try compress(source, level: level) }
  }.get()
}

/// The version of the zstd that is linked, such as `1.5.4`.
public var zstdVersion: String { String(cString: ZSTD_versionString()) }

/// The count that a zstd function returned, or its error.
@discardableResult
func checked(_ code: Int) throws(CompressionError) -> Int {
  guard ZSTD_isError(code) == 0 else {
    throw .zstd(String(cString: ZSTD_getErrorName(code)))
  }
  return code
}
