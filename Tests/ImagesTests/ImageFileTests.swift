import Foundation
import Images
import Testing

@Suite struct ImageFileTests {
  @Test func `A JPEG shrinks by powers of two while its longer side is long enough`() throws {
    let bytes = try gradient(641, 400).encodedJPEG(quality: 95)
    for (longSide, scale, width) in [
      (nil, 1.0, 641), (641, 1, 641), (321, 1, 641), (320, 0.5, 321), (160, 0.25, 161),
      (10, 0.125, 81),
    ] {
      let decoded = try ImageFile.decode(bytes: bytes, path: "memory", atLeast: longSide)
      #expect(decoded.scale == scale)
      #expect(decoded.image.width == width)
      #expect(decoded.originalSize == ImageSize(width: 641, height: 400))
    }
  }

  @Test func `A JPEG cut anywhere is refused`() throws {
    let bytes = try gradient(64, 64).encodedJPEG(quality: 95)
    for count in [0, 2, 3, 20, 100, bytes.count / 2, bytes.count - 40, bytes.count - 2] {
      #expect(throws: ImageError.self, "\(count) of \(bytes.count) bytes") {
        try ImageFile.decode(bytes: Array(bytes.prefix(count)), path: "cut.jpg")
      }
    }
  }

  @Test func `A PNG cut or damaged anywhere is refused`() throws {
    let bytes = try gradient(64, 64).encodedPNG()
    for count in [0, 7, 8, 20, 40, bytes.count / 2, bytes.count - 20] {
      #expect(throws: ImageError.self, "\(count) of \(bytes.count) bytes") {
        try ImageFile.decode(bytes: Array(bytes.prefix(count)), path: "cut.png")
      }
    }
    for i in stride(from: 8, to: bytes.count - 12, by: 7) {
      var flipped = bytes
      flipped[i] ^= 0x10
      // A flipped bit in a chunk's name may turn it into one that is skipped, so the picture may
      // at most be whole or refused, never different.
      if let decoded = try? ImageFile.decode(bytes: flipped, path: "flipped.png") {
        let isWhole = decoded.image == gradient(64, 64)
        #expect(isWhole, "byte \(i)")
      }
    }
  }

  @Test func `Random damage to a JPEG neither crashes nor goes beyond the declared size`() throws {
    let bytes = try gradient(48, 40).encodedJPEG(quality: 90)
    for i in 2..<bytes.count {
      var damaged = bytes
      damaged[i] = damaged[i] &* 31 &+ 77
      if let decoded = try? ImageFile.decode(bytes: damaged, path: "damaged.jpg") {
        #expect(decoded.image.pixels.count == decoded.image.width * decoded.image.height * 3)
      }
    }
  }

  @Test func `A declared size beyond the limit is refused before anything is allocated`() throws {
    var bytes = try gradient(8, 8).encodedPNG()
    bytes.replaceSubrange(16..<24, with: [0x00, 0x00, 0xFF, 0x00, 0x00, 0x00, 0xFF, 0x00])
    #expect(throws: ImageError.tooLarge(path: "bomb.png", width: 65280, height: 65280)) {
      try ImageFile.decode(bytes: bytes, path: "bomb.png")
    }
  }

  @Test func `What is no picture is told from what is not there`() throws {
    let folder = try TemporaryFolder()
    let text = try folder.write(Array("not a picture".utf8), as: "note.jpg")
    #expect(throws: ImageError.unknownFormat(path: text, kind: nil)) { try ImageFile.decode(text) }
    let empty = try folder.write([], as: "empty.jpg")
    #expect(throws: ImageError.damaged(path: empty, reason: "the file is empty")) {
      try ImageFile.decode(empty)
    }
    let missing = folder.path("missing.jpg")
    #expect(throws: ImageError.unreadable(path: missing, reason: "No such file or directory")) {
      try ImageFile.probe(missing)
    }
    #expect(
      throws: ImageError.unreadable(path: folder.url.path, reason: "it is not a regular file")
    ) { try ImageFile.decode(folder.url.path) }
  }
}
