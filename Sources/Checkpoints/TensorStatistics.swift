public import Tensors

/// Minimum, maximum, mean and standard deviation of a tensor's finite elements, and how many
/// elements are not finite.
public struct TensorStatistics: Hashable, Sendable, Codable {
  /// 0 for a tensor without finite elements, as are the next three.
  public var minimum = 0.0
  public var maximum = 0.0
  public var mean = 0.0
  /// Of the population: the root of the mean squared distance from the mean.
  public var standardDeviation = 0.0
  public var nanCount = 0
  public var infinityCount = 0
  public var zeroCount = 0

  public init(_ tensor: Tensor) {
    let values = doubles(tensor)
    var sum = 0.0
    var count = 0
    var (low, high) = (Double.infinity, -Double.infinity)
    for value in values {
      if value.isFinite {
        low = Swift.min(low, value)
        high = Swift.max(high, value)
        sum += value
        count += 1
        if value == 0 { zeroCount += 1 }
      } else if value.isNaN {
        nanCount += 1
      } else {
        infinityCount += 1
      }
    }
    guard count > 0 else { return }
    mean = sum / Double(count)
    var squares = 0.0
    for value in values where value.isFinite { squares += (value - mean) * (value - mean) }
    (minimum, maximum) = (low, high)
    standardDeviation = (squares / Double(count)).squareRoot()
  }
}

/// The elements as doubles: exact, except for whole numbers beyond 2⁵³.
func doubles(_ tensor: Tensor) -> [Double] {
  switch tensor.dtype {
  case .float32: tensor.withElements(as: Float.self) { $0.map(Double.init) }
  case .float64: tensor.values(as: Double.self)
  case .int8: tensor.withElements(as: Int8.self) { $0.map(Double.init) }
  case .uint8: tensor.withElements(as: UInt8.self) { $0.map(Double.init) }
  case .int32: tensor.withElements(as: Int32.self) { $0.map(Double.init) }
  case .int64: tensor.withElements(as: Int64.self) { $0.map { Double($0) } }
  case .bfloat16:
    tensor.withBytes { bytes in
      bytes.bindMemory(to: UInt16.self).map {
        Double(Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16))
      }
    }
  }
}
