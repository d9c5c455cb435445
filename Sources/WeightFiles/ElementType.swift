import Tensors

/// How an element of a stored tensor is written. The raw value is the name shown to users.
enum ElementType: String, Sendable, CaseIterable {
  case float64, float32, float16, bfloat16
  case float8e4m3, float8e5m2
  case int64, uint64, int32, uint32, int16, uint16, int8, uint8, bool

  var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float8e4m3, .float8e5m2, .int8, .uint8, .bool: 1
    }
  }

  var isFloat: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16, .float8e4m3, .float8e5m2: true
    default: false
    }
  }

  /// Writes `count` consecutive little-endian elements as FP32, rounded to nearest where they do not fit.
  ///
  /// The caller has made sure that `source` holds `count` elements and `target` room for them.
  func decode(
    _ source: UnsafeRawPointer, count: Int, into target: UnsafeMutablePointer<Float>
  ) {
    func each<T: BitwiseCopyable>(_ type: T.Type, _ convert: (T) -> Float) {
      for index in 0..<count {
        target[index] = convert(
          source.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self))
      }
    }
    switch self {
    case .float32: UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: 4 * count)
    case .float64: each(Double.self) { Float($0) }
    case .float16: each(UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .bfloat16: each(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .float8e4m3: each(UInt8.self, Self.floatFromE4M3)
    case .float8e5m2: each(UInt8.self) { Float(Float16(bitPattern: UInt16($0) << 8)) }
    case .int64: each(Int64.self) { Float($0) }
    case .uint64: each(UInt64.self) { Float($0) }
    case .int32: each(Int32.self) { Float($0) }
    case .uint32: each(UInt32.self) { Float($0) }
    case .int16: each(Int16.self) { Float($0) }
    case .uint16: each(UInt16.self) { Float($0) }
    case .int8: each(Int8.self) { Float($0) }
    case .uint8: each(UInt8.self) { Float($0) }
    case .bool: each(UInt8.self) { $0 == 0 ? 0 : 1 }
    }
  }

  /// 4 bits of exponent (bias 7), 3 of fraction, no infinity, all ones is NaN.
  private static func floatFromE4M3(_ bits: UInt8) -> Float {
    let sign: Float = bits & 0x80 == 0 ? 1 : -1
    let (exponent, fraction) = (Int(bits >> 3 & 15), Float(bits & 7))
    if bits & 0x7F == 0x7F { return .nan }
    if exponent == 0 { return sign * fraction / 512 }
    return sign * Float(sign: .plus, exponent: exponent - 7, significand: 1 + fraction / 8)
  }
}

extension Bytes {
  /// The elements of a dense tensor, outermost extent first.
  ///
  /// *Throws:* where the part has not exactly the bytes that the shape asks for.
  func tensor(
    _ type: ElementType, shape: [Int], of what: String
  ) throws(WeightFileError) -> Tensor {
    let count = try elementCount(shape, of: what)
    guard self.count == count * type.byteCount else {
      throw damaged(
        "\(what) has \(self.count) bytes", expected: "\(count * type.byteCount) for \(shape)")
    }
    var result = Tensor(uninitialized: Shape(shape), dtype: .float32)
    result.withMutableElements(as: Float.self) { target in
      if let target = target.baseAddress, let source = pointer.baseAddress {
        type.decode(source, count: count, into: target)
      }
    }
    return result
  }

  /// The number of elements of a shape that was read.
  ///
  /// *Throws:* where an extent is negative, or the tensor as FP32, or as Double, would go beyond the allowance.
  func elementCount(_ shape: [Int], of what: String) throws(WeightFileError) -> Int {
    guard shape.count <= limits.depth, shape.allSatisfy({ $0 >= 0 }) else {
      throw damaged("\(what) has the shape \(shape.prefix(limits.depth))", expected: "extents ≥ 0")
    }
    // With an extent of 0 the others are held to the limit as well, for strides are their products.
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflow, product <= contents.allowance / 8 else {
        throw limit("\(what) of the shape \(shape)", "\(contents.allowance) bytes")
      }
      count = product
    }
    return shape.contains(0) ? 0 : count
  }
}
