import Tensors

/// A tensor of a TFLite file that may be a constant.
struct TFLiteTensor: Sendable {
  let name: String
  let shape: [Int]
  let type: ElementType?
  let typeNumber: Int
  /// The numbers of a constant.
  let data: Bytes?
  let scales: [Float]
  let zeros: [Float]
  let axis: Int

  /// - Parameter buffers: all buffers of the file; the first one is empty.
  init(
    _ table: FlatTableReader, buffers: [Bytes?], _ bytes: Bytes
  ) throws(WeightFileError) {
    name = try table.text(3) ?? ""
    let what = "the tensor \(quoted(name))"
    shape = try table.integers(0, as: Int32.self, limit: bytes.limits.depth)
    typeNumber = Int(try table.number(1, Int8(0)))
    type = Self.elementType(typeNumber)
    let buffer = Int(try table.number(2, UInt32(0)))
    guard buffer < buffers.count || buffer == 0 else {
      throw bytes.damaged("\(what) lies in buffer \(buffer)", expected: "one of \(buffers.count)")
    }
    let data = buffers.isEmpty ? nil : buffers[buffer]
    if let data {
      let count = try bytes.elementCount(shape, of: what)
      if let type, data.count != count * type.byteCount {
        throw bytes.damaged(
          "\(what) has \(data.count) bytes", expected: "\(count * type.byteCount) for \(shape)")
      }
    }
    self.data = data
    let quantization = try table.table(4, of: what)
    scales = try quantization?.floats(2) ?? []
    zeros = try quantization?.integers(3, as: Int64.self).map { Float($0) } ?? []
    axis = Int(try quantization?.number(6, Int32(0)) ?? 0)
  }

  /// Integers with a scale. A scale of zero is how some writers say that there is none.
  var isQuantized: Bool { type?.isFloat == false && scales.contains { $0 != 0 } }

  /// The numbers in the file's own layout; `scales` stand in where the tensor has none of its own.
  func values(otherwise given: [Float] = []) throws(WeightFileError) -> ConstantArray {
    guard let data, let type else {
      throw .unsupported(
        file: data?.path ?? "the file",
        found: "the tensor \(quoted(name)) has TFLite's element type \(typeNumber)",
        advice: "export it as float32 or int8")
    }
    let tensor = try data.tensor(type, shape: shape, of: "the tensor \(quoted(name))")
    var array = ConstantArray(shape: shape, values: tensor.values())
    let used = isQuantized ? scales : type.isFloat ? [] : given
    if !used.isEmpty {
      try QuantizedSteps(scales: used, zeros: zeros.isEmpty ? [0] : zeros, axis: axis)
        .dequantize(&array, data)
    }
    return array
  }

  private static func elementType(_ number: Int) -> ElementType? {
    switch number {
    case 0: .float32
    case 1: .float16
    case 2: .int32
    case 3: .uint8
    case 4: .int64
    case 6: .bool
    case 7: .int16
    case 9: .int8
    case 10: .float64
    case 12: .uint64
    case 15: .uint32
    case 16: .uint16
    case 18: .bfloat16
    default: nil
    }
  }
}
