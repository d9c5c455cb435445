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
