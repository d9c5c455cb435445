import Compression
import Testing

@Suite struct FloatPlanesTests {
  private func bytes(_ count: Int, _ factor: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* factor) ^ ($0 >> 5) &+ 7) }
  }

  @Test(arguments: [2, 4, 8], [0, 1, 15, 16, 17, 1001])
  func `splitting and joining give the bytes back, alone and beside a base`(size: Int, count: Int) {
    let (x, base) = (bytes(size * count, 37), bytes(size * count, 41))
    var planes = [UInt8](repeating: 0, count: x.count)
    for transform in [PlaneTransform.rotated, .difference] {
      var back = planes
      x.withUnsafeBytes { x in
        base.withUnsafeBytes { base in
          planes.withUnsafeMutableBytes { planes in
            let near = transform == .difference ? base : nil
            splitPlanes(
              x, base: near, transform: transform, elementByteCount: size, into: planes)
            back.withUnsafeMutableBytes {
              joinPlanes(
                UnsafeRawBufferPointer(planes), base: near, transform: transform,
                elementByteCount: size, into: $0)
            }
          }
        }
      }
      #expect(back == x)
    }
  }

  private func planes(of x: [Float], base: [Float]? = nil) -> [UInt8] {
    var planes = [UInt8](repeating: 0, count: 4 * x.count)
    x.withUnsafeBytes { bytes in
      planes.withUnsafeMutableBytes { room in
        if let base {
          base.withUnsafeBytes {
            splitPlanes(
              bytes, base: $0, transform: .difference, elementByteCount: 4, into: room)
          }
        } else {
          splitPlanes(bytes, transform: .rotated, elementByteCount: 4, into: room)
        }
      }
    }
    return planes
  }

  @Test func `the first plane of floats is their exponents, the last bit their sign`() {
    let values: [Float] = (0..<20).map { ($0 % 2 == 0 ? 1 : -1) * Float(1 << $0) }
    let planes = planes(of: values)
    for (i, value) in values.enumerated() {
      #expect(planes[i] == UInt8(value.exponentBitPattern))
      #expect(planes[3 * 20 + i] & 1 == (value < 0 ? 1 : 0))
    }
  }

  @Test func `small differences of either sign are small numbers`() {
    let base = (0..<40).map { 1.5 + Float($0) / 8 }
    let x = base.enumerated().map { $0 % 2 == 0 ? $1.nextUp : $1.nextDown }
    // +1 becomes 2, -1 becomes 1.
    #expect(planes(of: x, base: base).prefix(120).allSatisfy { $0 == 0 })
    #expect(planes(of: x, base: base).suffix(40) == (0..<40).map { $0 % 2 == 0 ? 2 : 1 }[...])
  }
}

@Suite struct PlaneFrameTests {
  private func frame(_ planes: [UInt8], _ planeCount: Int) throws -> [UInt8] {
    let compressor = try FrameCompressor(level: 1)
    var frame = [UInt8](repeating: 0, count: FrameCompressor.planeFrameBound(planes.count))
    var length = 0
    // Twice, for what the first leaves behind must not show.
    for _ in 0..<2 {
      length = try planes.withUnsafeBytes { source in
        try frame.withUnsafeMutableBytes {
          try compressor.compressPlanes(source, planeCount: planeCount, into: $0)
        }
      }
    }
    return Array(frame.prefix(length))
  }

  private func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
  }

  @Test(arguments: [1, 2, 4, 8], [1, 3, 100, 5000, 40_000, 300_000])
  func `a frame of planes is an ordinary frame`(planeCount: Int, n: Int) throws {
    let random = noise(planeCount * n)
    // From constant over skewed to noise, and the other way round.
    let graded = random.enumerated().map { index, byte in
      [0, byte & 1, byte & 7, byte][index / n * 4 / planeCount]
    }
    for planes in [random, graded, graded.reversed(), [UInt8](repeating: 5, count: random.count)] {
      let frame = try frame(planes, planeCount)
      #expect(try decompress(frame, expectedByteCount: planes.count) == planes)
    }
  }

  /// The planes before are coded by one context and those behind by another, unless these repeat
  /// something, which they could only say in terms of the first ones.
  @Test(arguments: [600, 5000, 65_536, 140_000])
  func `planes of almost one value, then skewed ones, then repetitions, come back`(n: Int) throws {
    let random = noise(4 * n)
    let lonely = random[..<n].map { $0 == 9 ? $0 : 0 }
    let skewed = random[n..<2 * n].map { $0 & 0x13 }
    let text = Array("exponents repeat by chance only; ".utf8)
    let repetitive = (0..<n).map { text[$0 % text.count] }
    for planes in [
      lonely + skewed + skewed + random[..<n], lonely + lonely + skewed + random[..<n],
      lonely + repetitive + skewed + random[..<n], lonely + skewed + repetitive + repetitive,
      lonely + repetitive + lonely + lonely,
    ] {
      let frame = try frame(planes, 4)
      #expect(try decompress(frame, expectedByteCount: planes.count) == planes)
    }
  }

  @Test func `blocks that copy from before are told from those that do not`() throws {
    let text = (0..<600).map { UInt8($0 % 33) }
    let rise = (0..<20_000).map { UInt8($0 / 100) }
    for (bytes, isCopying) in [
      (text, true), (rise, true), (noise(600), false),
      (noise(600).map { $0 & 3 }, nil), (noise(60_000).map { $0 & 3 }, nil),
    ] as [([UInt8], Bool?)] {
      for level in [FrameCompressor.levels.lowerBound, 1] {
        // Magic number, descriptor, two bytes of content size; at the end four of checksum.
        var frame = try compress(bytes, level: level)
        let isFree = frame.withUnsafeMutableBytes { FrameBlocks.copyNothing($0[7..<$0.count - 4]) }
        // The lowest level looks nowhere for repetitions.
        if level < 1 { #expect(isFree) } else if let isCopying { #expect(isFree != isCopying) }
      }
    }
  }

  @Test func `of planes of which one is skewed, that one shrinks and the others cost nothing`()
    throws
  {
    let n = 100_000
    let planes = noise(n).map { $0 & 3 } + noise(3 * n)
    let length = try frame(planes, 4).count
    #expect(length < 3 * n + n / 4 + 2000 && length >= 3 * n + n / 4)
  }

  @Test func `a flipped bit in a frame of planes is refused or changes nothing`() throws {
    let planes = noise(400).map { $0 & 7 } + noise(400)
    let frame = try frame(planes, 2)
    for bit in 0..<frame.count * 8 {
      var damaged = frame
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      if let read = try? decompress(damaged, expectedByteCount: planes.count) {
        #expect(read == planes, "bit \(bit)")
      }
    }
  }
}
