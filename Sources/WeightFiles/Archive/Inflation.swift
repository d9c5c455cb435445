import CZlib
import Tensors

/// The CRC-32 of zip. The C function is `crc32`.
package func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  var value = crc32(0, nil, 0)
  var offset = 0
  let start = bytes.bindMemory(to: UInt8.self)
  while offset < bytes.count, let base = start.baseAddress {
    let step = min(bytes.count - offset, 1 << 30)
    value = crc32(value, base + offset, uInt(step))
    offset += step
  }
  return UInt32(truncatingIfNeeded: value)
}

extension Bytes {
  /// The first `byteCount` bytes of what the part holds deflated, in memory of that size.
  ///
  /// The caller has checked `byteCount` against the allowance. The C function is `inflate`.
  ///
  /// - Parameter isWhole: whether the data has to end exactly there.
  func inflated(
    byteCount: Int, isWhole: Bool, of what: String
  ) throws(WeightFileError) -> Bytes {
    let result = AlignedBuffer(uninitialized: byteCount)
    var stream = z_stream()
    guard czlib_inflate_init_raw(&stream) == Z_OK else {
      throw .system(path: path, doing: "inflate", reason: "zlib cannot start")
    }
    defer { inflateEnd(&stream) }
    let source = UnsafeMutableRawPointer(mutating: contents.memory.base + start)
      .assumingMemoryBound(to: UInt8.self)
    let target = result.base.assumingMemoryBound(to: UInt8.self)
    // A byte more than there should be, to see whether the data ends.
    var surplus: UInt8 = 0
    var (read, written, status) = (0, 0, Z_OK)
    while status == Z_OK {
      let input = min(count - read, 1 << 30)
      let output = min(byteCount - written, 1 << 30)
      if output == 0, !isWhole { break }
      stream.next_in = source + read
      stream.avail_in = uInt(input)
      status = withUnsafeMutablePointer(to: &surplus) { spare in
        stream.next_out = output > 0 ? target + written : spare
        stream.avail_out = output > 0 ? uInt(output) : 1
        return inflate(&stream, Z_NO_FLUSH)
      }
      read += input - Int(stream.avail_in)
      if output > 0 {
        written += output - Int(stream.avail_out)
      } else if stream.avail_out == 0 {
        throw damaged("\(what) inflates to more than \(byteCount) bytes", expected: "no more")
      }
    }
    guard written == byteCount, !isWhole || (status == Z_STREAM_END && read == count) else {
      throw damaged(
        "the deflated data of \(what) breaks off or is not valid", expected: "\(byteCount) bytes")
    }
    return Bytes(contents.entry(result))
  }
}
