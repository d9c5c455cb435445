import Images
import Testing

/// A picture with a gradient in every channel, so that a swap of axes or channels shows.
func gradient(_ width: Int, _ height: Int) -> Image {
  var image = Image(width: width, height: height, fill: 0)
  for y in 0..<height {
    for x in 0..<width {
      image[x, y] = RGB(
        UInt8(x * 255 / max(1, width - 1)), UInt8(y * 255 / max(1, height - 1)),
        UInt8((x + y) % 256))
    }
  }
  return image
}

/// The largest difference of any byte.
func largestDifference(_ a: Image, _ b: Image) -> Int {
  zip(a.pixels, b.pixels).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
}

func meanDifference(_ a: Image, _ b: Image) -> Double {
  Double(zip(a.pixels, b.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) })
    / Double(a.pixels.count)
}

@Suite struct ImageEncodingTests {
  @Test func `A PNG comes back bit for bit`() throws {
    for size in [(1, 1), (3, 2), (33, 17), (200, 100)] {
      let image = gradient(size.0, size.1)
      let decoded = try ImageFile.decode(bytes: image.encodedPNG(), path: "memory")
      #expect(decoded.image.pixels.elementsEqual(image.pixels))
      #expect(decoded.originalSize == image.size)
    }
  }

  @Test func `A JPEG comes back nearly`() throws {
    let image = gradient(61, 47)
    let decoded = try ImageFile.decode(bytes: image.encodedJPEG(quality: 95), path: "memory")
    #expect(decoded.image.size == image.size)
    // Blue wraps nowhere in this size; quality 95 keeps a smooth gradient within a few levels.
    #expect(largestDifference(decoded.image, image) <= 8)
  }

  @Test func `The name's ending chooses the format and the magic bytes read it`() throws {
    let folder = try TemporaryFolder()
    let image = gradient(20, 10)
    for name in ["a.png", "b.JPG", "c.jpeg"] {
      try image.write(to: folder.path(name))
      #expect(try ImageFile.probe(folder.path(name)) == image.size)
      #expect(try ImageFile.decode(folder.path(name)).size == image.size)
    }
    let isEqual = try ImageFile.decode(folder.path("a.png")) == image
    #expect(isEqual)
  }

  @Test func `A folder that is not there is named`() {
    #expect {
      try gradient(2, 2).write(to: "/nonexistent/folder/picture.png")
    } throws: { "\($0)".contains("/nonexistent/folder/picture.png") }
  }

  @Test func `Equal pictures give equal bytes`() throws {
    let isSamePNG = try gradient(40, 30).encodedPNG() == gradient(40, 30).encodedPNG()
    let isSameJPEG = try gradient(40, 30).encodedJPEG() == gradient(40, 30).encodedJPEG()
    #expect(isSamePNG && isSameJPEG)
  }
}
