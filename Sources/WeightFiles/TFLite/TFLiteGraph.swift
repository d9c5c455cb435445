/// The first graph of a TFLite file, as far as it concerns weights.
struct TFLiteGraph {
  struct Convolution {
    let name: String
    let weight: Int
    let bias: Int?
    /// The tensor it reads.
    let input: Int
    /// The scale of what it reads, where that is quantized; else 1.
    let inputScale: Float
    let isDepthwise: Bool
    let strides: [Int]
    let inputs: [Int]
  }

  private(set) var tensors: [TFLiteTensor] = []
  private(set) var convolutions: [Convolution] = []
  private(set) var inputShape: [Int]?

  private enum Code {
    static let convolution = 3
    static let depthwise = 4
    static let dequantize = 6
  }

  init(_ bytes: Bytes) throws(WeightFileError) {
    let model = try FlatTableReader(root: bytes, of: "the model")
    var buffers: [Bytes?] = []
    for table in try model.tables(4, of: "the buffers") {
      guard try table.number(1, UInt64(0)) <= 1 else {
        throw bytes.unsupported(
          "its weights lie behind the model (a file of more than 2 GiB)", "export a smaller model")
      }
      let data = try table.vector(0, elementByteCount: 1)
      buffers.append(data.flatMap { $0.count > 0 ? $0 : nil })
    }
    var codes: [Int] = []
    for table in try model.tables(1, of: "the operations' codes") {
      // Codes up to 127 stand in a field of their own, which older files alone have.
      codes.append(max(Int(try table.number(0, Int8(0))), Int(try table.number(3, Int32(0)))))
    }
    guard let graph = try model.tables(2, of: "the graphs").first else {
      throw bytes.damaged("it holds no graph", expected: "one")
    }
    // Tensors may share their names and scales in the file; here each has its own.
    var byteCount = 0
    for table in try graph.tables(0, of: "the tensors") {
      let tensor = try TFLiteTensor(table, buffers: buffers, bytes)
      byteCount += tensor.name.utf8.count + 8 * (tensor.scales.count + tensor.zeros.count)
      guard byteCount <= bytes.contents.allowance else {
        throw bytes.limit(
          "names and scales of more bytes together", "\(bytes.contents.allowance) bytes")
      }
      tensors.append(tensor)
    }
    let inputs = try graph.integers(1, as: Int32.self)
    if let first = inputs.first { inputShape = try tensor(first, bytes).shape }
    try walk(try graph.tables(3, of: "the operations"), codes, inputs: Set(inputs), bytes)
  }

  private func tensor(_ index: Int, _ bytes: Bytes) throws(WeightFileError) -> TFLiteTensor {
    guard tensors.indices.contains(index) else {
      throw bytes.damaged("an operation uses tensor \(index)", expected: "one of \(tensors.count)")
    }
    return tensors[index]
  }

  private mutating func walk(
    _ operations: [FlatTableReader], _ codes: [Int], inputs: Set<Int>, _ bytes: Bytes
  ) throws(WeightFileError) {
    // What a constant behind DEQUANTIZE is made from.
    var origins: [Int: Int] = [:]
    var sources: [Int: [Int]] = [:]
    var workCount = 0
    for operation in operations {
      let code = Int(try operation.number(0, UInt32(0)))
      guard codes.indices.contains(code) else {
        throw bytes.damaged("an operation has code \(code)", expected: "one of \(codes.count)")
      }
      let read = try operation.integers(1, as: Int32.self)
      let written = try operation.integers(2, as: Int32.self)
      var merged: Set<Int> = []
      for index in read where index != -1 {
        let tensor = try tensor(index, bytes)
        if inputs.contains(index) { merged.insert(-1) }
        let behind = tensor.data == nil ? sources[index] ?? [] : []
        merged.formUnion(behind)
        workCount += behind.count + 1
      }
      workCount += written.count
      guard workCount <= bytes.limits.itemCount << 2 else {
        throw bytes.limit("more connections", "\(bytes.limits.itemCount << 2)")
      }
      var result = merged.sorted()
      if codes[code] == Code.dequantize, let from = read.first, let to = written.first,
        try tensor(from, bytes).data != nil
      {
        origins[to] = from
      }
      if codes[code] == Code.convolution || codes[code] == Code.depthwise, read.count >= 2 {
        let isDepthwise = codes[code] == Code.depthwise
        let weight = origins[read[1]] ?? read[1]
        let input = try tensor(read[0], bytes)
        if try tensor(weight, bytes).data != nil {
          guard convolutions.count < 4096 else { throw bytes.limit("more convolutions", "4096") }
          var bias = read.count > 2 && read[2] >= 0 ? read[2] : nil
          if let index = bias {
            bias = origins[index] ?? index
            if try tensor(bias ?? index, bytes).data == nil { bias = nil }
          }
          let options = try operation.table(4, of: "a convolution's options")
          let name = try written.first.map { index throws(WeightFileError) in
            try tensor(index, bytes).name
          }
          convolutions.append(
            Convolution(
              name: name ?? "", weight: weight, bias: bias, input: read[0],
              inputScale: input.scales.first ?? 1, isDepthwise: isDepthwise,
              strides: [
                Int(try options?.number(2, Int32(1)) ?? 1),
                Int(try options?.number(1, Int32(1)) ?? 1),
              ], inputs: result))
          result = [convolutions.count - 1]
        }
      }
      for index in written where index >= 0 { sources[index] = result }
    }
  }
}
