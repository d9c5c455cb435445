import CLanes

/// How the numbers of a value lie in memory.
enum ElementFormat: Hashable {
  case float32
  /// The upper half of an FP32 number, rounded to the nearest, ties to even.
  case bfloat16
  /// Steps above the lowest point of the grid of a site: `x = (u + lowest)·scale`.
  case gridByte

  var byteCount: Int {
    switch self {
    case .float32: 4
    case .bfloat16: 2
    case .gridByte: 1
    }
  }
}

/// Rows of channels somewhere in memory, `[rows, channels]`: a value, or some channels of a wider one.
struct Rows {
  /// Row 0, channel 0.
  var base: UnsafeMutableRawPointer
  /// Elements from one row to the next.
  var rowStride: Int
  var channels: Int
  var format: ElementFormat

  var isDense: Bool { rowStride == channels }

  func address(row: Int) -> UnsafeMutableRawPointer { base + row * rowStride * format.byteCount }

  func address(row: Int, channel: Int) -> UnsafeMutableRawPointer {
    base + (row * rowStride + channel) * format.byteCount
  }

  /// FP32 rows without gaps, as plain numbers.
  var floats: UnsafeMutablePointer<Float> {
    precondition(format == .float32 && isDense, "\(format), \(channels) of \(rowStride) channels")
    return base.assumingMemoryBound(to: Float.self)
  }
}

/// Sixteen elements of one format as FP32 and back.
protocol ElementStorage {
  static var byteCount: Int { get }
  static func load(_ p: UnsafeRawPointer) -> Lanes
  static func store(_ x: Lanes, _ p: UnsafeMutableRawPointer)
}

enum Float32Storage: ElementStorage {
  static var byteCount: Int { 4 }
  @inline(__always) static func load(_ p: UnsafeRawPointer) -> Lanes {
    p.loadUnaligned(as: Lanes.self)
  }
  @inline(__always) static func store(_ x: Lanes, _ p: UnsafeMutableRawPointer) {
    p.storeBytes(of: x, as: Lanes.self)
  }
}

enum BFloat16Storage: ElementStorage {
  static var byteCount: Int { 2 }
  @inline(__always) static func load(_ p: UnsafeRawPointer) -> Lanes { clanes_load_bf16(p) }
  @inline(__always) static func store(_ x: Lanes, _ p: UnsafeMutableRawPointer) {
    clanes_store_bf16(x, p)
  }
}

/// Whole numbers 0 ... 255.
enum ByteStorage: ElementStorage {
  static var byteCount: Int { 1 }
  @inline(__always) static func load(_ p: UnsafeRawPointer) -> Lanes { clanes_load_u8(p) }
  @inline(__always) static func store(_ x: Lanes, _ p: UnsafeMutableRawPointer) {
    clanes_store_u8(x, p)
  }
}
