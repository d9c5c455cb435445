import Foundation
import Glibc
import Images
import Testing

/// Files whose few bytes ask for much.
@Suite struct HostileImageTests {
  @Test func `A sparse file of 20 GiB is refused before it is read`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([0xFF, 0xD8, 0xFF], as: "a.jpg")
    #expect(truncate(path, 20 << 30) == 0)
    #expect(throws: ImageError.tooManyBytes(path: path, byteCount: 20 << 30)) {
      try ImageFile.decode(path)
    }
  }

  @Test func `Pipes and devices are refused`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.jpg")
    #expect(mkfifo(path, 0o600) == 0)
    for path in [path, "/dev/zero", "/dev/null", "/"] {
      #expect { try ImageFile.probe(path) } throws: { "\($0)".contains("not a regular file") }
    }
  }

  @Test func `A progressive JPEG whose coefficients would fill the memory is refused`() throws {
    // A frame header of 60,000 by 2,200 pixels in three components, progressive.
    var bytes: [UInt8] = [0xFF, 0xD8, 0xFF, 0xC2, 0, 17, 8, 0x08, 0x98, 0xEA, 0x60, 3]
    for component: UInt8 in 1...3 { bytes += [component, 0x11, 0] }
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes + [0xFF, 0xD9], as: "a.jpg")
    #expect { try ImageFile.probe(path) } throws: { "\($0)".contains("needs more than 900 MiB") }
  }

  /// A baseline frame header of three components, and `scanCount` headers of scans that hold one.
  private func nonInterleaved(width: UInt16, height: UInt16, scanCount: Int) -> [UInt8] {
    var bytes: [UInt8] = [0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8]
    for side in [height, width] { bytes += [UInt8(side >> 8), UInt8(side & 255)] }
    bytes.append(3)
    for component: UInt8 in 1...3 { bytes += [component, 0x11, 0] }
    for _ in 0..<scanCount { bytes += [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0] }
    return bytes + [0xFF, 0xD9]
  }

  @Test func `A baseline JPEG of separate components is bounded as a progressive one`() throws {
    let folder = try TemporaryFolder()
    let large = nonInterleaved(width: 60_000, height: 2_200, scanCount: 3)
    let path = try folder.write(large, as: "a.jpg")
    #expect { try ImageFile.probe(path) } throws: {
      "\($0)".contains("a non-interleaved JPEG of 60000x2200 pixels")
        && "\($0)".contains("needs more than 900 MiB")
    }
    // Of one scan for all components no coefficient is kept: the header alone is fine.
    let scan: [UInt8] = [0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0, 0xFF, 0xD9]
    let frame = nonInterleaved(width: 60_000, height: 2_200, scanCount: 0).dropLast(2)
    let usual = try folder.write(Array(frame) + scan, as: "b.jpg")
    #expect(try ImageFile.probe(usual) == ImageSize(width: 60_000, height: 2_200))
  }

  @Test func `Scans without end over a baseline JPEG are refused before they are decoded`() {
    let bytes = nonInterleaved(width: 10_000, height: 9_000, scanCount: 20)
    #expect { try ImageFile.decode(bytes: bytes, path: "a.jpg") } throws: {
      "\($0)".contains("a non-interleaved JPEG of 20 scans")
    }
  }

  @Test func `A side beyond any image is no number too large`() throws {
    let bytes = try Image(width: 40, height: 30, fill: 7).encodedJPEG()
    let decoded = try ImageFile.decode(bytes: bytes, path: "a.jpg", atLeast: .max)
    #expect(decoded.scale == 1 && decoded.image.width == 40)
  }

  @Test func `Kinds are known by their first bytes`() {
    func kind(_ text: String, _ bytes: [UInt8] = []) -> ImageKind? {
      ImageKind(firstBytes: Array(text.utf8) + bytes)
    }
    #expect(kind("RIFF0000WEBP") == .webp && kind("0000ftypheic") == .heic)
    #expect(kind("0000ftypavif") == .avif && kind("GIF89a") == .gif && kind("P6\n") == .portable)
    #expect(kind("BM0000000000000", [0]) == nil && kind("") == nil && kind("hello") == nil)
    #expect(kind("", [0xFF, 0xD8, 0xFF, 0xE0]) == .jpeg && ImageKind.jpeg.isRead)
  }
}
