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
  let isFloat = [.float32, .float64, .bfloat16].contains(a.dtype)
  if isFloat { result.maximumULP = 0 }
  // Piece by piece: as doubles a tensor takes many times its own memory.
  let (piece, dtype) = (1 << 20, a.dtype)
  a.withBytes { a in
    b.withBytes { b in
      for start in stride(from: 0, to: a.count, by: piece) {
        let run = start..<min(start + piece, a.count)
        result.add(
          UnsafeRawBufferPointer(rebasing: a[run]), UnsafeRawBufferPointer(rebasing: b[run]),
          dtype, isFloat: isFloat)
      }
    }
  }
  return result
}

extension TensorDifference {
  /// Compares a piece of both tensors.
  fileprivate mutating func add(
    _ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, _ dtype: DType, isFloat: Bool
  ) {
    let (x, y) = (doubles(a, dtype), doubles(b, dtype))
    let (p, q) = (orderedBits(a, dtype), orderedBits(b, dtype))
    for i in x.indices where p[i] != q[i] {
      differingCount += 1
      guard x[i].isFinite, y[i].isFinite else {
        nonFiniteCount += 1
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
      maximumAbsolute = Swift.max(maximumAbsolute, absolute)
      if largest > 0 { maximumRelative = Swift.max(maximumRelative, absolute / largest) }
      if let most = maximumULP { maximumULP = Swift.max(most, steps) }
    }
  }
}
