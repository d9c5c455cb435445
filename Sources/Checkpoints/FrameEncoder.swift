import Compression
import Tensors

/// Turns runs of a tensor's bytes into frames. One per thread; it keeps its buffers.
final class FrameEncoder {
  private let compressor: FrameCompressor
  private var planes: [UInt8] = []
  private var frame: [UInt8] = []
  private let frameRawLength: Int

  /// - Parameter frameRawLength: raw bytes of a tensor after which a new frame begins.
  init(level: Int, frameRawLength: Int) throws(CheckpointError) {
    do {
      compressor = try FrameCompressor(level: level)
    } catch {
      throw .compression(error.description)
    }
    self.frameRawLength = frameRawLength
  }

  /// Appends the frames of `item` to `file` and says where they lie.
  ///
  /// With a `base` of the same shape and type, the difference to it is stored where that is smaller.
  func append(
    _ item: CheckpointTensor, base: CheckpointTensor?, shard: Int, to file: OutputFile
  ) throws(CheckpointError) -> TensorRecord {
    let tensor = item.tensor
    let base = base.flatMap {
      $0.tensor.shape == tensor.shape && $0.tensor.dtype == tensor.dtype ? $0 : nil
    }
    var encoding = TensorEncoding.preferred(for: tensor.dtype)
    if let base, encoding == .floatPlanes, try isNear(tensor, base.tensor) {
      encoding = .differencePlanes
    }
    let from = encoding == .differencePlanes ? base : nil
    var frames: [FrameRecord] = []
    for start in stride(from: 0, to: tensor.byteCount, by: frameRawLength) {
      let run = start..<min(start + frameRawLength, tensor.byteCount)
      let offset = file.byteCount
      let hash = try encode(tensor, run, base: from?.tensor, encoding) {
        (bytes) throws(CheckpointError) in try file.append(bytes)
      }
      frames.append(
        FrameRecord(
          offset: offset, length: file.byteCount - offset, rawLength: run.count, xxh64: hash))
    }
    return TensorRecord(
      name: item.name, role: item.role, dtype: tensor.dtype, shape: tensor.shape, shard: shard,
      encoding: encoding, base: from?.role, frames: frames)
  }

  /// Whether the difference to `base` takes fewer bytes, measured on a piece from the middle.
  ///
  /// What is too short to be compressed is never a difference.
  private func isNear(_ tensor: Tensor, _ base: Tensor) throws(CheckpointError) -> Bool {
    let count = min(tensor.byteCount, 4 << 10)
    guard count >= FrameCompressor.worthwhilePlanesByteCount else { return false }
    let start = (tensor.byteCount - count) / 2 & ~7
    var (alone, difference) = (0, 0)
    _ = try encode(tensor, start..<start + count, base: nil, .floatPlanes) { alone = $0.count }
    _ = try encode(tensor, start..<start + count, base: base, .differencePlanes) {
      difference = $0.count
    }
    return difference < alone
  }

  /// Hands over the frame of the bytes `run` of a tensor, and returns their XXH64.
  private func encode(
    _ tensor: Tensor, _ run: Range<Int>, base: Tensor?, _ encoding: TensorEncoding,
    _ use: (UnsafeRawBufferPointer) throws(CheckpointError) -> Void
  ) throws(CheckpointError) -> UInt64 {
    let count = run.count
    grow(&planes, to: count)
    grow(&frame, to: FrameCompressor.planeFrameBound(count))
    let k = tensor.dtype.byteCount
    return try tensor.withBytes { all in
      planes.withUnsafeMutableBytes { planes in
        frame.withUnsafeMutableBytes { frame in
          Result { () throws(CheckpointError) in
            let raw = UnsafeRawBufferPointer(rebasing: all[run])
            let target = UnsafeMutableRawBufferPointer(rebasing: planes[..<count])
            let source = UnsafeRawBufferPointer(target)
            let length: Int
            do throws(CompressionError) {
              switch encoding {
              case .plain:
                length = try compressor.compress(raw, into: frame)
              case .planes:
                splitBytePlanes(raw, elementByteCount: k, into: target)
                length = try compressor.compress(source, partCount: k, into: frame)
              case .floatPlanes:
                splitPlanes(raw, transform: .rotated, elementByteCount: k, into: target)
                length = try compressor.compressPlanes(source, planeCount: k, into: frame)
              case .differencePlanes:
                base!.withBytes {
                  splitPlanes(
                    raw, base: UnsafeRawBufferPointer(rebasing: $0[run]), transform: .difference,
                    elementByteCount: k, into: target)
                }
                length = try compressor.compressPlanes(source, planeCount: k, into: frame)
              }
            } catch {
              throw CheckpointError.compression(error.description)
            }
            try use(UnsafeRawBufferPointer(rebasing: frame[..<length]))
            return xxh64(raw)
          }
        }
      }
    }.get()
  }
}

func grow(_ buffer: inout [UInt8], to count: Int) {
  if buffer.count < count { buffer = [UInt8](repeating: 0, count: count) }
}
