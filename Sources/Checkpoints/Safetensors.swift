import Tensors

extension CheckpointReader {
  /// Eight bytes with the header's length, the header in JSON, then the tensors' bytes one after
  /// another. The header is filled up with spaces so that the bytes begin at a multiple of 8.
  ///
  /// *Source:* the format's description in the README of huggingface/safetensors.
  func writeSafetensors(
    _ tensors: [ExtractedTensor], to file: OutputFile
  ) throws(CheckpointError) {
    var members: [String: JSONValue] = [
      "__metadata__": [
        "step": .string(String(manifest.step)), "recipe": .string(manifest.recipe.lineText),
      ]
    ]
    var offset = 0
    for tensor in tensors {
      let record = tensor.record
      members[tensor.name] = [
        "dtype": .string(Self.safetensorsName(record.dtype)),
        "shape": .array(record.shape.extents.map { .integer($0) }),
        "data_offsets": [.integer(offset), .integer(offset + record.rawByteCount)],
      ]
      offset += record.rawByteCount
    }
    var header = Array(JSONValue.object(members).lineText.utf8)
    header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    try file.append(littleEndian(UInt64(header.count), byteCount: 8) + header)
    for tensor in tensors {
      let read = try read(tensor.record)
      try read.withBytes { bytes in
        Result { () throws(CheckpointError) in try file.append(bytes) }
      }.get()
    }
  }

  private static func safetensorsName(_ dtype: DType) -> String {
    switch dtype {
    case .float32: "F32"
    case .float64: "F64"
    case .bfloat16: "BF16"
    case .int8: "I8"
    case .uint8: "U8"
    case .int32: "I32"
    case .int64: "I64"
    }
  }
}

/// The lowest bytes of a number, lowest first.
func littleEndian(_ value: UInt64, byteCount: Int) -> [UInt8] {
  (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
}

extension OutputFile {
  func append(_ bytes: [UInt8]) throws(CheckpointError) {
    try bytes.withUnsafeBytes { buffer in
      Result { () throws(CheckpointError) in try append(buffer) }
    }.get()
  }
}
