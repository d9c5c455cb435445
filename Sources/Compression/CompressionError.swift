/// Why bytes could not be compressed or a frame could not be read.
public enum CompressionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The level lies outside what this zstd offers.
  case level(Int, allowed: ClosedRange<Int>)
  /// The bytes do not begin with a zstd frame whose header is readable and whose end is inside them.
  case notAFrame(byteCount: Int)
  /// The frame ends before its bytes do, or the bytes before the frame.
  case frameLength(found: Int, expected: Int)
  /// The frame's header announces another number of raw bytes.
  case rawLength(found: UInt64, expected: Int)
  /// The frame carries no checksum.
  case noChecksum
  /// zstd refused: damaged data, a wrong checksum, or no memory. The text is zstd's own.
  case zstd(String)

  public var description: String {
    switch self {
    case .level(let level, let allowed):
      "zstd level \(level) is not offered: choose one from \(allowed.lowerBound) to "
        + "\(allowed.upperBound)"
    case .notAFrame(let byteCount):
      "\(byteCount) bytes are not one complete zstd frame"
    case .frameLength(let found, let expected):
      "the zstd frame is \(found) bytes long where \(expected) were expected"
    case .rawLength(let found, let expected):
      found >= UInt64.max - 1
        ? "the zstd frame does not say how many bytes it holds; \(expected) were expected"
        : "the zstd frame announces \(found) bytes where \(expected) were expected"
    case .noChecksum:
      "the zstd frame carries no checksum"
    case .zstd(let text):
      "zstd refused the data: \(text)"
    }
  }
}
