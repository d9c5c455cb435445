import Foundation
import Images
import Testing

/// Pictures from other projects' test sets that readers are known to stumble over.
@Suite(.enabled(if: TestData.exists("hard-images")))
struct HardImagesTests {
  private func path(_ name: String) -> String { TestData.path("hard-images/" + name) }

  private func names(_ prefix: String) throws -> [String] {
    let names = try FileManager.default.contentsOfDirectory(atPath: path(""))
      .filter { $0.hasPrefix(prefix) && ($0.hasSuffix(".jpg") || $0.hasSuffix(".png")) }.sorted()
    try #require(!names.isEmpty)
    return names
  }

  @Test func `What should decode does, in the size the probe told`() throws {
    for name in try names("ok-") + ["made-png-named.jpg"] {
      let image = try ImageFile.decode(path(name))
      #expect(try ImageFile.probe(path(name)) == image.size, "\(name)")
      // A decoder that fails quietly leaves one level; one of the pictures does have only one.
      let levels = Set(image.pixels).count
      #expect(levels > 1 || name == "ok-16bit-gray-trns.png", "\(name)")
    }
  }

  @Test func `What is damaged is refused with the file's name`() throws {
    // Its pixels are sound; what would explode is a text chunk, which is never read.
    let harmless = "bad-textchunk-bomb.png"
    for name in try names("bad-") + ["made-bad-half.jpg"] where name != harmless {
      #expect("\(name)") {
        try ImageFile.decode(path(name))
      } throws: { "\($0)".hasPrefix(path(name) + ": ") }
    }
    #expect(try ImageFile.decode(path(harmless)).size == ImageFile.probe(path(harmless)))
  }

  @Test func `CMYK agrees with the reference`() throws {
    let image = try ImageFile.decode(path("ok-cmyk-2.jpg"))
    let reference = try ImageFile.decode(path("ok-cmyk-2.reference.png"))
    #expect(image.size == reference.size)
    // The reference comes from another program's conversion and inverse DCT.
    #expect(meanDifference(image, reference) < 2)
  }

  @Test func `A camera's quarter turn shows the same picture as the upright one`() throws {
    let upright = try ImageFile.decode(path("ok-exif-orient-1-landscape.jpg"))
    let turned = try ImageFile.decode(path("ok-exif-orient-6-landscape.jpg"))
    #expect(upright.size == ImageSize(width: 1800, height: 1200))
    #expect(turned.size == upright.size)
    // Two JPEG encodings of one photo, blocks turned against each other.
    #expect(meanDifference(turned, upright) < 4)
    let small = try ImageFile.decodeWithScale(
      path("ok-exif-orient-6-landscape.jpg"), atLeast: 400)
    #expect(small.scale == 0.25)
    #expect(meanDifference(small.image, upright.resized(to: small.image.size)) < 6)
  }

  @Test func `Sixteen bits keep the high byte`() throws {
    // All its gray values are below 256 of 65535: black, though the low bytes hold a picture.
    let image = try ImageFile.decode(path("ok-16bit-gray-trns.png"))
    let black = Image(width: 64, height: 64, fill: 0)
    let isBlack = image == black
    #expect(isBlack)
  }

  @Test func `Components stored as RGB are not taken for YCbCr`() throws {
    let image = try ImageFile.decode(path("ok-rgb-no-ycc.jpg"))
    #expect(image.size == ImageSize(width: 500, height: 333))
  }

  @Test func `A photo shrunk while decoding equals the photo shrunk afterwards`() throws {
    let whole = try ImageFile.decode(path("ok-exif-orient-1-landscape.jpg"))
    let quarter = try ImageFile.decodeWithScale(
      path("ok-exif-orient-1-landscape.jpg"), atLeast: 450)
    #expect(quarter.scale == 0.25 && quarter.originalSize == whole.size)
    #expect(meanDifference(quarter.image, whole.resized(to: quarter.image.size)) < 5)
  }
}
