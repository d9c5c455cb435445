import Tensors

/// `body` of each element of `bytes`, as doubles: exact, except for whole numbers beyond 2⁵³.
@inline(__always)
func forEachDouble(
  _ bytes: UnsafeRawBufferPointer, _ dtype: DType, _ body: (Double) -> Void
) {
  switch dtype {
  case .float32: for x in bytes.bindMemory(to: Float.self) { body(Double(x)) }
  case .float64: for x in bytes.bindMemory(to: Double.self) { body(x) }
  case .int8: for x in bytes.bindMemory(to: Int8.self) { body(Double(x)) }
  case .uint8: for x in bytes { body(Double(x)) }
  case .int32: for x in bytes.bindMemory(to: Int32.self) { body(Double(x)) }
  case .int64: for x in bytes.bindMemory(to: Int64.self) { body(Double(x)) }
  case .bfloat16:
    for x in bytes.bindMemory(to: UInt16.self) {
      // bounded: 16 bits in 32
      body(Double(Float(bitPattern: UInt32(UInt16(littleEndian: x)) << 16)))
    }
  }
}

/// The elements of `bytes` as doubles.
func doubles(_ bytes: UnsafeRawBufferPointer, _ dtype: DType) -> [Double] {
  var values: [Double] = []
  values.reserveCapacity(bytes.count / dtype.byteCount)
  forEachDouble(bytes, dtype) { values.append($0) }
  return values
}

/// The elements as whole numbers in the order of their values, one apart where the values are
/// neighbours; -0 lies one below 0, so that different bits are different numbers.
// bounded: wider from narrower, and wrapping differences
func orderedBits(_ bytes: UnsafeRawBufferPointer, _ dtype: DType) -> [Int] {
  switch dtype {
  case .float32:
    bytes.bindMemory(to: Float.self).map { value in
      let bits = Int(Int32(bitPattern: value.bitPattern))
      return bits >= 0 ? bits : Int(Int32.min) &- 1 &- bits
    }
  case .float64:
    bytes.bindMemory(to: Double.self).map { value in
      let bits = Int(truncatingIfNeeded: value.bitPattern)
      return bits >= 0 ? bits : Int.min &- 1 &- bits
    }
  case .bfloat16:
    bytes.bindMemory(to: UInt16.self).map { value in
      let bits = Int(Int16(bitPattern: UInt16(littleEndian: value)))
      return bits >= 0 ? bits : Int(Int16.min) &- 1 &- bits
    }
  case .int8: bytes.bindMemory(to: Int8.self).map { Int($0) }
  case .uint8: bytes.map { Int($0) }
  case .int32: bytes.bindMemory(to: Int32.self).map { Int($0) }
  case .int64: bytes.bindMemory(to: Int64.self).map { Int($0) }
  }
}
