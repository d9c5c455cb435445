/// A constant of an ONNX file: described when the file is opened, its numbers read when they are wanted.
struct ONNXTensor: Sendable {
  let name: String
  let shape: [Int]
  let type: ElementType?
  let typeNumber: Int
  let elementCount: Int
  private let message: Bytes
  private let raw: Bytes?

  /// *Throws:* where numbers and shape do not fit one another, or the numbers lie in another file.
  init(_ message: Bytes) throws(WeightFileError) {
    var reader = ProtobufReader(message, of: "a tensor")
    var name = ""
    var shape: [Int] = []
    var typeNumber = 0
    var raw: Bytes?
    var isExternal = false
    while let (number, value) = try reader.next() {
      switch number {
      case 1: try value.appendIntegers(to: &shape, limit: 64, of: "a shape")
      case 2: typeNumber = value.integer ?? 0
      case 8: name = try value.bytes?.text(of: "a tensor's name") ?? ""
      case 9: raw = value.bytes
      case 13: isExternal = true
      case 14: isExternal = isExternal || value.integer == 1
      default: break
      }
    }
    let what = "the tensor \(quoted(name))"
    guard !isExternal else {
      throw message.unsupported(
        "\(what) lies in another file (external data)",
        "save the model in one file: onnx.save(model, path, save_as_external_data=False)")
    }
    elementCount = try message.elementCount(shape, of: what)
    type = Self.elementType(typeNumber)
    if let raw, let type, raw.count != elementCount * type.byteCount {
      throw message.damaged(
        "\(what) has \(raw.count) bytes", expected: "\(elementCount * type.byteCount) for \(shape)")
    }
    self.name = name
    self.shape = shape
    self.typeNumber = typeNumber
    self.message = message
    self.raw = raw
  }

  /// Its numbers as FP32, in order.
  func values() throws(WeightFileError) -> [Float] {
    let what = "the tensor \(quoted(name))"
    guard let type else {
      throw message.unsupported(
        "\(what) has ONNX's element type \(typeNumber)", "store it as float32 or int8")
    }
    if let raw {
      return [Float](unsafeUninitializedCapacity: elementCount) { buffer, count in
        if let target = buffer.baseAddress, let source = raw.pointer.baseAddress {
          type.decode(source, count: elementCount, into: target)
        }
        count = elementCount
      }
    }
    var values: [Float] = []
    values.reserveCapacity(min(elementCount, message.count))
    var reader = ProtobufReader(message, of: what)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (4, .bytes(let part)): try appendWords(part, as: .float32, to: &values, of: what)
      case (4, .fixed32(let bits)): values.append(Float(bitPattern: bits))
      case (10, .bytes(let part)): try appendWords(part, as: .float64, to: &values, of: what)
      case (10, .fixed64(let bits)): values.append(Float(Double(bitPattern: bits)))
      case (5, .bytes(let part)), (7, .bytes(let part)), (11, .bytes(let part)):
        var numbers = ProtobufReader(part, of: what)
        while let bits = try numbers.nextVarint() { values.append(Self.float(bits, type)) }
      case (5, .varint(let bits)), (7, .varint(let bits)), (11, .varint(let bits)):
        values.append(Self.float(bits, type))
      default: break
      }
    }
    guard values.count == elementCount else {
      throw message.damaged("\(what) has \(values.count) numbers", expected: "\(elementCount)")
    }
    return values
  }

  private func appendWords(
    _ part: Bytes, as type: ElementType, to values: inout [Float], of what: String
  ) throws(WeightFileError) {
    let size = type.byteCount
    guard part.count % size == 0, let source = part.pointer.baseAddress else {
      throw part.damaged("\(what) has \(part.count) bytes", expected: "whole numbers of \(size)")
    }
    let count = part.count / size
    values += [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      if let target = buffer.baseAddress { type.decode(source, count: count, into: target) }
      filled = count
    }
  }

  /// A number that was stored as a varint: an integer, or the bits of a float of 16 or 8.
  private static func float(_ bits: UInt64, _ type: ElementType) -> Float {
    switch type {
    case .float16: Float(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
    case .bfloat16: Float(bitPattern: UInt32(truncatingIfNeeded: bits) << 16)
    case .uint64: Float(bits)
    default: Float(Int64(bitPattern: bits))
    }
  }

  private static func elementType(_ number: Int) -> ElementType? {
    switch number {
    case 1: .float32
    case 2: .uint8
    case 3: .int8
    case 4: .uint16
    case 5: .int16
    case 6: .int32
    case 7: .int64
    case 9: .bool
    case 10: .float16
    case 11: .float64
    case 12: .uint32
    case 13: .uint64
    case 16: .bfloat16
    case 17: .float8e4m3
    case 19: .float8e5m2
    default: nil
    }
  }
}

extension ProtobufReader.Value {
  /// Adds a repeated integer, packed or not.
  func appendIntegers(
    to list: inout [Int], limit: Int, of what: String
  ) throws(WeightFileError) {
    func add(_ value: UInt64, _ list: inout [Int]) throws(WeightFileError) {
      guard list.count < limit else {
        throw .limit(
          file: bytes?.path ?? "the file", found: "\(what) of more numbers", limit: "\(limit)")
      }
      list.append(Int(truncatingIfNeeded: value))
    }
    switch self {
    case .varint(let value): try add(value, &list)
    case .bytes(let part):
      var reader = ProtobufReader(part, of: what)
      while let value = try reader.nextVarint() { try add(value, &list) }
    default: break
    }
  }
}
