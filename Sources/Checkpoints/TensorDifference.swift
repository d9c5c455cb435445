import Tensors

/// How two tensors of one name and role differ. The maxima are over elements whose bits differ and
/// whose values are finite on both sides.
public struct TensorDifference: Hashable, Sendable, Codable {
  public var name: String
  public var role: TensorRole
  public var elementCount: Int
  /// Elements whose bits differ (-0 and 0 differ).
  public var differingCount: Int
  /// max |a - b|
  public var maximumAbsolute: Double
  /// max |a - b| / max(|a|, |b|)
  public var maximumRelative: Double
  /// The most representable numbers between a and b, plus one; `nil` for integers.
  public var maximumULP: Int?
  /// Differing elements of which at least one side is NaN or infinite.
  public var nonFiniteCount: Int
  /// Set where shape or type differ, and nothing else was compared.
  public var mismatch: String?

  init(_ key: TensorKey, mismatch: String? = nil) {
    name = key.name
    role = key.role
    elementCount = 0
    differingCount = 0
    maximumAbsolute = 0
    maximumRelative = 0
    nonFiniteCount = 0
    self.mismatch = mismatch
  }
}

/// What differs between two tensors, or `nil` if they are bitwise equal.
func difference(_ a: Tensor, _ b: Tensor, key: TensorKey) -> TensorDifference? {
  guard a.shape == b.shape, a.dtype == b.dtype else {
    return TensorDifference(
      key, mismatch: "\(a.shape) of \(a.dtype.rawValue), \(b.shape) of \(b.dtype.rawValue)")
  }
  if a.isBitwiseEqual(to: b) { return nil }
  var result = TensorDifference(key)
  result.elementCount = a.elementCount
  let (x, y) = (doubles(a), doubles(b))
  let (p, q) = (orderedBits(a), orderedBits(b))
  let isFloat = [.float32, .float64, .bfloat16].contains(a.dtype)
  if isFloat { result.maximumULP = 0 }
  for i in x.indices where p[i] != q[i] {
    result.differingCount += 1
    guard x[i].isFinite, y[i].isFinite else {
      result.nonFiniteCount += 1
      continue
    }
    let distance =
      p[i] > q[i]
      ? p[i].subtractingReportingOverflow(q[i])
      : q[i].subtractingReportingOverflow(p[i])
    // Integers differ by that distance exactly, even where doubles would round it away.
    let steps = distance.overflow ? .max : distance.partialValue
    let absolute =
      isFloat ? Swift.min(abs(x[i] - y[i]), .greatestFiniteMagnitude) : Double(steps)
    let largest = Swift.max(abs(x[i]), abs(y[i]))
    result.maximumAbsolute = Swift.max(result.maximumAbsolute, absolute)
    if largest > 0 {
      result.maximumRelative = Swift.max(result.maximumRelative, absolute / largest)
    }
    if isFloat { result.maximumULP = Swift.max(result.maximumULP!, steps) }
  }
  return result
}

/// The elements as whole numbers in the order of their values, one apart where the values are
/// neighbours; -0 lies one below 0, so that different bits are different numbers.
private func orderedBits(_ tensor: Tensor) -> [Int] {
  switch tensor.dtype {
  case .float32:
    tensor.withElements(as: Float.self) { values in
      values.map { value in
        let bits = Int(Int32(bitPattern: value.bitPattern))
        return bits >= 0 ? bits : Int(Int32.min) - 1 - bits
      }
    }
  case .float64:
    tensor.withElements(as: Double.self) { values in
      values.map { value in
        let bits = Int(truncatingIfNeeded: value.bitPattern)
        return bits >= 0 ? bits : Int.min &- 1 &- bits
      }
    }
  case .bfloat16:
    tensor.withBytes { bytes in
      bytes.bindMemory(to: UInt16.self).map { value in
        let bits = Int(Int16(bitPattern: UInt16(littleEndian: value)))
        return bits >= 0 ? bits : Int(Int16.min) - 1 - bits
      }
    }
  case .int8: tensor.withElements(as: Int8.self) { $0.map(Int.init) }
  case .uint8: tensor.withElements(as: UInt8.self) { $0.map(Int.init) }
  case .int32: tensor.withElements(as: Int32.self) { $0.map(Int.init) }
  case .int64: tensor.withElements(as: Int64.self) { $0.map { Int($0) } }
  }
}
