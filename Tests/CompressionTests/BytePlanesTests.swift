import Compression
import Testing

@Suite struct BytePlanesTests {
  @Test(arguments: [2, 4, 8], [0, 1, 2, 7, 64, 1001])
  func `planes hold byte p of every element, and joining gives the bytes back`(
    size: Int, count: Int
  ) {
    let bytes = (0..<size * count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 8) }
    var planes = [UInt8](repeating: 0, count: bytes.count)
    var joined = planes
    bytes.withUnsafeBytes { source in
      planes.withUnsafeMutableBytes {
        splitBytePlanes(source, elementByteCount: size, into: $0)
      }
    }
    for i in 0..<count {
      for p in 0..<size { #expect(planes[p * count + i] == bytes[i * size + p]) }
    }
    planes.withUnsafeBytes { source in
      joined.withUnsafeMutableBytes {
        joinBytePlanes(source, elementByteCount: size, into: $0)
      }
    }
    #expect(joined == bytes)
  }
}
