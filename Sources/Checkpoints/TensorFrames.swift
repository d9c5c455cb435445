import Compression
import Tensors

/// Turns runs of a tensor's bytes into frames. One per thread; it keeps its buffers.
final class FrameEncoder {
  private let compressor: FrameCompressor
  private var planes: [UInt8] = []
  private var frame: [UInt8] = []

  init(level: Int) throws(CheckpointError) {
    do {
      compressor = try FrameCompressor(level: level)
    } catch {
      throw .compression(error.description)
    }
  }

  /// Appends the frames of `tensor` to `file` and says where they lie.
  func append(
    _ tensor: Tensor, encoding: TensorEncoding, to file: OutputFile
  ) throws(CheckpointError) -> [FrameRecord] {
    try tensor.withBytes { bytes in
      Result { () throws(CheckpointError) in
        var frames: [FrameRecord] = []
        var start = 0
        while start < bytes.count {
          let end = min(start + Manifest.maximumFrameRawLength, bytes.count)
          frames.append(
            try append(
              UnsafeRawBufferPointer(rebasing: bytes[start..<end]), encoding: encoding,
              elementByteCount: tensor.dtype.byteCount, to: file))
          start = end
        }
        return frames
      }
    }.get()
  }

  private func append(
    _ raw: UnsafeRawBufferPointer, encoding: TensorEncoding, elementByteCount: Int,
    to file: OutputFile
  ) throws(CheckpointError) -> FrameRecord {
    grow(&planes, to: raw.count)
    grow(&frame, to: FrameCompressor.byteBound(raw.count))
    let offset = file.byteCount
    try planes.withUnsafeMutableBytes { planes in
      frame.withUnsafeMutableBytes { frame in
        Result { () throws(CheckpointError) in
          var source = raw
          if encoding == .planes {
            let target = UnsafeMutableRawBufferPointer(rebasing: planes[..<raw.count])
            splitBytePlanes(raw, elementByteCount: elementByteCount, into: target)
            source = UnsafeRawBufferPointer(target)
          }
          let count: Int
          do throws(CompressionError) {
            count = try compressor.compress(
              source, partCount: encoding == .planes ? elementByteCount : 1, into: frame)
          } catch {
            throw CheckpointError.compression(error.description)
          }
          try file.append(UnsafeRawBufferPointer(rebasing: frame[..<count]))
        }
      }
    }.get()
    return FrameRecord(
      offset: offset, length: file.byteCount - offset, rawLength: raw.count,
      xxh64: xxh64(raw))
  }
}

/// Reads frames back and checks them. One per thread; it keeps its buffers.
final class FrameDecoder {
  private let decompressor: FrameDecompressor
  private var planes: [UInt8] = []
  private var frame: [UInt8] = []
  private var raw: [UInt8] = []

  init() throws(CheckpointError) {
    do {
      decompressor = try FrameDecompressor()
    } catch {
      throw .compression(error.description)
    }
  }

  /// The tensor that `record` describes. `file` is its shard file.
  ///
  /// The headers of all frames are checked before memory is taken for the tensor.
  func tensor(_ record: TensorRecord, from file: InputFile) throws(CheckpointError) -> Tensor {
    for frame in record.frames { try checkHeader(frame, of: record, in: file) }
    var tensor = Tensor(shape: record.shape, dtype: record.dtype)
    try tensor.withMutableBytes { bytes in
      Result { () throws(CheckpointError) in
        var start = 0
        for frame in record.frames {
          let end = start + frame.rawLength
          try read(
            frame, of: record, from: file,
            into: UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end]))
          start = end
        }
      }
    }.get()
    return tensor
  }

  /// Reads and checks every frame of a tensor without keeping it.
  func verify(_ record: TensorRecord, in file: InputFile) throws(CheckpointError) {
    for frame in record.frames {
      grow(&raw, to: frame.rawLength)
      try raw.withUnsafeMutableBytes { bytes in
        Result { () throws(CheckpointError) in
          try read(
            frame, of: record, from: file,
            into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<frame.rawLength]))
        }
      }.get()
    }
  }

  /// Compares the length that the zstd header announces with the manifest's.
  private func checkHeader(
    _ frame: FrameRecord, of record: TensorRecord, in file: InputFile
  ) throws(CheckpointError) {
    // RFC 8878: the longest frame header is 18 bytes with its magic number.
    var head = [UInt8](repeating: 0, count: min(18, frame.length))
    try head.withUnsafeMutableBytes { bytes in
      Result { () throws(CheckpointError) in try file.read(into: bytes, at: frame.offset) }
    }.get()
    let announced = FrameDecompressor.announcedByteCount(head)
    guard announced == frame.rawLength else {
      throw damaged(
        frame, of: record, in: file,
        found: "its header announces \(announced.map { "\($0) bytes" } ?? "no length")",
        expected: "\(frame.rawLength) bytes")
    }
  }

  private func read(
    _ record: FrameRecord, of tensor: TensorRecord, from file: InputFile,
    into raw: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    // The manifest's checks bound both: the frame lies inside the file, the raw length is 4 MiB
    // at most.
    grow(&frame, to: record.length)
    grow(&planes, to: record.rawLength)
    try frame.withUnsafeMutableBytes { frame in
      planes.withUnsafeMutableBytes { planes in
        Result { () throws(CheckpointError) in
          let stored = UnsafeMutableRawBufferPointer(rebasing: frame[..<record.length])
          try file.read(into: stored, at: record.offset)
          let isSplit = tensor.encoding == .planes
          let target =
            isSplit ? UnsafeMutableRawBufferPointer(rebasing: planes[..<raw.count]) : raw
          do throws(CompressionError) {
            try decompressor.decompress(UnsafeRawBufferPointer(stored), into: target)
          } catch {
            throw damaged(
              record, of: tensor, in: file, found: error.description,
              expected: "a frame of \(raw.count) bytes")
          }
          if isSplit {
            joinBytePlanes(
              UnsafeRawBufferPointer(target), elementByteCount: tensor.dtype.byteCount, into: raw)
          }
        }
      }
    }.get()
    let found = xxh64(UnsafeRawBufferPointer(raw))
    guard found == record.xxh64 else {
      throw damaged(
        record, of: tensor, in: file, found: "its content has the XXH64 \(hexText(found))",
        expected: hexText(record.xxh64))
    }
  }

  private func damaged(
    _ frame: FrameRecord, of tensor: TensorRecord, in file: InputFile, found: String,
    expected: String
  ) -> CheckpointError {
    .damaged(
      file: file.path, found: "the frame at byte \(frame.offset), of \(tensor.key): \(found)",
      expected: expected)
  }
}

private func grow(_ buffer: inout [UInt8], to count: Int) {
  if buffer.count < count { buffer = [UInt8](repeating: 0, count: count) }
}
