import Compression
import Tensors

/// Reads frames back and checks them. One per thread; it keeps its buffers.
final class FrameDecoder {
  private let decompressor: FrameDecompressor
  private var planes: [UInt8] = []
  private var frame: [UInt8] = []
  private var base: [UInt8] = []
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
  /// The headers of all frames are checked before memory is taken for a tensor of some size.
  ///
  /// - Parameters:
  ///   - baseRecord: the record of its base, if it has one.
  ///   - baseTensor: that base, if it has been read already.
  func tensor(
    _ record: TensorRecord, base baseRecord: TensorRecord? = nil, read baseTensor: Tensor? = nil,
    from file: InputFile
  ) throws(CheckpointError) -> Tensor {
    // Memory for less than one full frame is taken in any case; see `read`.
    if record.rawByteCount >= Manifest.maximumFrameRawLength {
      for frame in record.frames { try checkHeader(frame, of: record, in: file) }
    }
    var tensor = Tensor(uninitialized: record.shape, dtype: record.dtype)
    try tensor.withMutableBytes { bytes in
      Result { () throws(CheckpointError) in
        var start = 0
        // bounded: the frames add up to the tensor, and the base has the same
        for (index, frame) in record.frames.enumerated() {
          let run = start..<start + frame.rawLength
          let target = UnsafeMutableRawBufferPointer(rebasing: bytes[run])
          start = run.upperBound
          guard let baseRecord, record.base != nil else {
            try read(frame, of: record, from: file, base: nil, into: target)
            continue
          }
          if let baseTensor {
            try baseTensor.withBytes { all in
              Result { () throws(CheckpointError) in
                try read(
                  frame, of: record, from: file, base: UnsafeRawBufferPointer(rebasing: all[run]),
                  into: target)
              }
            }.get()
          } else {
            try withBaseFrame(baseRecord, index, file) { (base) throws(CheckpointError) in
              try read(frame, of: record, from: file, base: base, into: target)
            }
          }
        }
      }
    }.get()
    return tensor
  }

  /// `body` of the bytes of each frame of a tensor, checked, one after another.
  func forEachFrame(
    of record: TensorRecord, base baseRecord: TensorRecord?, from file: InputFile,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(CheckpointError) {
    // bounded: dependents and bases have the same frames; the manifest was refused if not
    for (index, frame) in record.frames.enumerated() {
      try withScratch(frame.rawLength) { (own) throws(CheckpointError) in
        if let baseRecord, record.base != nil {
          try withBaseFrame(baseRecord, index, file) { (base) throws(CheckpointError) in
            try read(frame, of: record, from: file, base: base, into: own)
          }
        } else {
          try read(frame, of: record, from: file, base: nil, into: own)
        }
        body(UnsafeRawBufferPointer(own))
      }
    }
  }

  /// Reads and checks every frame of a tensor and of those that are differences to it, without
  /// keeping them. Gives each problem to `report`; a damaged base is one of its dependents too.
  func verify(
    _ record: TensorRecord, dependents: [TensorRecord], in file: InputFile,
    report: (CheckpointError) -> Void
  ) {
    // bounded: dependents and bases have the same frames; the manifest was refused if not
    for (index, frame) in record.frames.enumerated() {
      do throws(CheckpointError) {
        try withScratch(frame.rawLength) { (own) throws(CheckpointError) in
          try read(frame, of: record, from: file, base: nil, into: own)
          for dependent in dependents {
            let other = dependent.frames[index]
            do throws(CheckpointError) {
              try withBase(own) { (base, room) throws(CheckpointError) in
                try read(other, of: dependent, from: file, base: base, into: room)
              }
            } catch {
              report(error)
            }
          }
        }
      } catch {
        report(error)
        for dependent in dependents {
          report(
            damaged(
              dependent.frames[index], of: dependent, in: file,
              found: "its base, \(record.key), is damaged", expected: "a whole base"))
        }
      }
    }
  }

  private func withScratch(
    _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    grow(&raw, to: count)
    try raw.withUnsafeMutableBytes { room in
      Result { () throws(CheckpointError) in
        // bounded: it was grown to that
        try body(UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
      }
    }.get()
  }

  /// A second room as long as `own`, which stays what it is.
  private func withBase(
    _ own: UnsafeMutableRawBufferPointer,
    _ body: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    grow(&base, to: own.count)
    try base.withUnsafeMutableBytes { room in
      Result { () throws(CheckpointError) in
        try body(
          UnsafeRawBufferPointer(own),
          // bounded: it was grown to that
          UnsafeMutableRawBufferPointer(rebasing: room[..<own.count]))
      }
    }.get()
  }

  private func withBaseFrame(
    _ record: TensorRecord, _ index: Int, _ file: InputFile,
    _ body: (UnsafeRawBufferPointer) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let frame = record.frames[index]  // bounded: a base has the same frames
    grow(&base, to: frame.rawLength)
    try base.withUnsafeMutableBytes { room in
      Result { () throws(CheckpointError) in
        // bounded: it was grown to that
        let target = UnsafeMutableRawBufferPointer(rebasing: room[..<frame.rawLength])
        try read(frame, of: record, from: file, base: nil, into: target)
        try body(UnsafeRawBufferPointer(target))
      }
    }.get()
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
    base: UnsafeRawBufferPointer?, into raw: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    // The manifest's checks bound both: the frame lies inside the file, the raw length is 4 MiB
    // at most.
    grow(&frame, to: record.length)
    grow(&planes, to: record.rawLength)
    let k = tensor.dtype.byteCount
    try frame.withUnsafeMutableBytes { frame in
      planes.withUnsafeMutableBytes { planes in
        Result { () throws(CheckpointError) in
          // bounded: it was grown to that
          let stored = UnsafeMutableRawBufferPointer(rebasing: frame[..<record.length])
          try file.read(into: stored, at: record.offset)
          let target =
            tensor.encoding == .plain
            // bounded: it was grown to that
            ? raw : UnsafeMutableRawBufferPointer(rebasing: planes[..<raw.count])
          do throws(CompressionError) {
            try decompressor.decompress(UnsafeRawBufferPointer(stored), into: target)
          } catch {
            throw damaged(
              record, of: tensor, in: file, found: error.description,
              expected: "a frame of \(raw.count) bytes")
          }
          let source = UnsafeRawBufferPointer(target)
          switch tensor.encoding {
          case .plain: break
          case .planes: joinBytePlanes(source, elementByteCount: k, into: raw)
          case .floatPlanes:
            joinPlanes(source, transform: .rotated, elementByteCount: k, into: raw)
          case .differencePlanes:
            // bounded: the manifest was refused without a base
            joinPlanes(source, base: base!, transform: .difference, elementByteCount: k, into: raw)
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
