import Compression
import Testing

@Suite struct FrameTests {
  let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 / 7 ^ $0 &* $0) }

  @Test(arguments: [-5, 1, 3, 9, 19], [0, 1, 4, 100, 5000])
  func `a frame gives its bytes back`(level: Int, count: Int) throws {
    let raw = Array(bytes.prefix(count))
    let frame = try compress(raw, level: level)
    #expect(try decompress(frame, expectedByteCount: count) == raw)
    #expect(try compress(raw, level: level) == frame)
  }

  @Test(arguments: [2, 4, 8], [0, 8, 64, 4000, 1_000_000])
  func `parts change the blocks, not what is read`(partCount: Int, count: Int) throws {
    let raw = (0..<count).map { UInt8(truncatingIfNeeded: $0 * partCount / max(count, 1) * $0) }
    let compressor = try FrameCompressor(level: 1)
    var frame = [UInt8](repeating: 0, count: FrameCompressor.byteBound(count))
    for _ in 0..<2 {
      let length = try raw.withUnsafeBytes { source in
        try frame.withUnsafeMutableBytes {
          try compressor.compress(source, partCount: partCount, into: $0)
        }
      }
      #expect(try decompress(Array(frame.prefix(length)), expectedByteCount: count) == raw)
    }
  }

  @Test func `a wrong length is refused before memory is taken`() throws {
    let frame = try compress(bytes, level: 1)
    for wrong in [0, 1, 4999, 5001, Int.max] {
      #expect(throws: CompressionError.rawLength(found: 5000, expected: wrong)) {
        try decompress(frame, expectedByteCount: wrong)
      }
    }
  }

  @Test func `every prefix and every longer run of bytes is refused`() throws {
    let frame = try compress(Array(bytes.prefix(300)), level: 1)
    for count in 0..<frame.count {
      #expect(throws: CompressionError.self) {
        try decompress(Array(frame.prefix(count)), expectedByteCount: 300)
      }
    }
    #expect(throws: CompressionError.frameLength(found: frame.count, expected: frame.count + 1)) {
      try decompress(frame + [0], expectedByteCount: 300)
    }
  }

  @Test func `a flipped bit is refused or changes nothing`() throws {
    let raw = Array(bytes.prefix(300))
    let frame = try compress(raw, level: 3)
    var refused = 0
    for bit in 0..<frame.count * 8 {
      var damaged = frame
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      do {
        #expect(try decompress(damaged, expectedByteCount: 300) == raw, "bit \(bit)")
      } catch {
        refused += 1
      }
    }
    #expect(refused > frame.count * 8 - 8)
  }

  @Test func `a frame without a checksum, a skippable frame and noise are refused`() throws {
    // RFC 8878: magic number, single segment with a content size of 1, one last raw block of 1.
    let plain: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x01, 0x09, 0x00, 0x00, 0x41]
    #expect(throws: CompressionError.noChecksum) { try decompress(plain, expectedByteCount: 1) }
    let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]
    #expect(throws: CompressionError.self) { try decompress(skippable, expectedByteCount: 4) }
    #expect(throws: CompressionError.notAFrame(byteCount: 40)) {
      try decompress([UInt8](repeating: 7, count: 40), expectedByteCount: 4)
    }
  }

  @Test func `an impossible level is refused with the range`() {
    let error = #expect(throws: CompressionError.self) { try compress([1], level: 99) }
    #expect(error?.description.contains("99") == true)
  }
}
