import Tensors

/// How the raw bytes of a tensor's frames were arranged before compression.
public enum TensorEncoding: String, Hashable, Sendable, Codable, CaseIterable {
  /// As they lie in memory, little-endian.
  case plain
  /// Byte planes: byte 0 of all elements of the frame, then byte 1, and so on.
  case planes
  /// For floats: each element's bits rotated left by one, then planes from the most significant
  /// byte down. The exponent fills the first plane; the others are noise and are stored as they are.
  case floatPlanes = "float-planes"
  /// The difference to the same element of a base tensor, its sign folded into bit 0, then planes as
  /// above.
  case differencePlanes = "difference-planes"

  /// The encoding this program writes for a type where there is no base.
  static func preferred(for dtype: DType) -> TensorEncoding {
    switch dtype {
    case .int8, .uint8: .plain
    case .int32, .int64: .planes
    case .float32, .float64, .bfloat16: .floatPlanes
    }
  }

  /// Whether elements of a type can be arranged so.
  func fits(_ dtype: DType) -> Bool {
    switch self {
    case .plain: true
    case .planes: dtype.byteCount > 1
    case .floatPlanes, .differencePlanes: [.float32, .float64, .bfloat16].contains(dtype)
    }
  }
}

extension TensorRole {
  /// The roles a tensor of this role may lie near under the same name, in the order they are tried: a
  /// moving average lies near what it is the average of.
  var baseRoles: [TensorRole] { self == .ema ? [.parameter, .bn] : [] }
}
