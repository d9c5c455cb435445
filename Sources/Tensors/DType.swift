/// The type of a tensor's elements. The raw value is the name used in files.
public enum DType: String, Hashable, Sendable, Codable, CaseIterable {
  case float32, float64, bfloat16, int8, uint8, int32, int64

  /// Bytes per element.
  public var byteCount: Int {
    switch self {
    case .int8, .uint8: 1
    case .bfloat16: 2
    case .float32, .int32: 4
    case .float64, .int64: 8
    }
  }
}

/// A Swift type that can be an element of a tensor.
public protocol TensorElement: BitwiseCopyable, Sendable {
  static var dtype: DType { get }
}

extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }
extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
