import Tensors

extension CheckpointReader {
  /// A zip of stored entries `NAME.npy`.
  ///
  /// *Source:* PKWARE's APPNOTE, sections 4.3 and 4.4, without the 64-bit extension; NumPy's
  /// `numpy.lib.format`, version 1.0.
  func writeNumpyArchive(
    _ tensors: [ExtractedTensor], to file: OutputFile, path: String
  ) throws(CheckpointError) {
    let total = tensors.reduce(0) { $0 + $1.record.rawByteCount + 2048 }
    guard total < Int(UInt32.max), tensors.count < Int(UInt16.max) else {
      throw .unsuitable(
        path: path, reason: "npz holds 4 GiB and 65534 tensors at most; use --to safetensors")
    }
    var directory: [UInt8] = []
    for tensor in tensors {
      let header = try arrayHeader(tensor.record, path: path)
      let read = try read(tensor.record)
      var checksum = CRC32()
      checksum.add(header)
      read.withBytes { checksum.add($0) }
      let name = Array((tensor.name + ".npy").utf8)
      let size = UInt64(header.count + read.byteCount)
      // Version 2.0, names in UTF-8, stored, 1980-01-01.
      let common =
        littleEndian(20, byteCount: 2) + littleEndian(0x800, byteCount: 2) + [0, 0, 0, 0, 0x21, 0]
        + littleEndian(UInt64(checksum.value), byteCount: 4) + littleEndian(size, byteCount: 4)
        + littleEndian(size, byteCount: 4) + littleEndian(UInt64(name.count), byteCount: 2)
        + [0, 0]
      directory += littleEndian(0x0201_4B50, byteCount: 4) + littleEndian(20, byteCount: 2)
      directory += common + [UInt8](repeating: 0, count: 10)
      directory += littleEndian(UInt64(file.byteCount), byteCount: 4) + name
      try file.append(littleEndian(0x0403_4B50, byteCount: 4) + common + name + header)
      try read.withBytes { bytes in
        Result { () throws(CheckpointError) in try file.append(bytes) }
      }.get()
    }
    let count = littleEndian(UInt64(tensors.count), byteCount: 2)
    let end =
      littleEndian(0x0605_4B50, byteCount: 4) + [0, 0, 0, 0] + count + count
      + littleEndian(UInt64(directory.count), byteCount: 4)
      + littleEndian(UInt64(file.byteCount), byteCount: 4) + [0, 0]
    try file.append(directory + end)
  }

  /// Magic number, version, length, and a Python dictionary, filled up to a multiple of 64 bytes.
  private func arrayHeader(
    _ record: TensorRecord, path: String
  ) throws(CheckpointError) -> [UInt8] {
    let type: String
    switch record.dtype {
    case .float32: type = "<f4"
    case .float64: type = "<f8"
    case .int8: type = "|i1"
    case .uint8: type = "|u1"
    case .int32: type = "<i4"
    case .int64: type = "<i8"
    case .bfloat16:
      throw .unsuitable(
        path: path, reason: "\(record.key) is bfloat16, which NumPy lacks; use --to safetensors")
    }
    let extents = record.shape.extents.map { "\($0)," }.joined()
    let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(extents)), }"
    let length = (10 + text.utf8.count + 1 + 63) / 64 * 64 - 10
    let fill = String(repeating: " ", count: length - text.utf8.count - 1)
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + littleEndian(UInt64(length), byteCount: 2)
      + Array((text + fill + "\n").utf8)
  }
}

/// The checksum of zip: the remainder of the reflected polynomial 0xEDB88320, bits inverted.
private struct CRC32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1
    }
  }

  private var state: UInt32 = .max
  var value: UInt32 { ~state }

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      state = Self.table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ (state >> 8)
    }
  }
}
