import Images
import Testing

/// `bytes` of a JPEG with an APP1 that holds `tiff` put behind its first marker.
func withExif(_ bytes: [UInt8], tiff: [UInt8]) -> [UInt8] {
  let body = Array("Exif".utf8) + [0, 0] + tiff
  let length = body.count + 2
  return Array(bytes[0..<2]) + [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 255)] + body
    + bytes[2...]
}

func tiff(orientation: UInt8, isLittle: Bool) -> [UInt8] {
  isLittle
    ? [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]
    : [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]
}

@Suite struct OrientationTests {
  /// Where the stored top-left, top-right and bottom-left corners are shown, per EXIF's table.
  @Test(arguments: [false, true])
  func `Each orientation brings the stored corners where EXIF says`(isLittle: Bool) throws {
    var stored = Image(width: 48, height: 32, fill: 0)
    stored.fillRectangle(x0: 0, y0: 0, x1: 16, y1: 16, color: RGB(255, 0, 0))
    stored.fillRectangle(x0: 32, y0: 0, x1: 48, y1: 16, color: RGB(0, 255, 0))
    let bytes = try stored.encodedJPEG(quality: 100)
    // (orientation, corner of red, corner of green): 0 top left, 1 top right, 2 bottom right, 3
    // bottom left.
    for (orientation, red, green) in [
      (1, 0, 1), (2, 1, 0), (3, 2, 3), (4, 3, 2), (5, 0, 3), (6, 1, 2), (7, 2, 1), (8, 3, 0),
    ] {
      let file = withExif(bytes, tiff: tiff(orientation: UInt8(orientation), isLittle: isLittle))
      let shown = try ImageFile.decode(bytes: file, path: "memory").image
      let size = orientation >= 5 ? (32, 48) : (48, 32)
      #expect(shown.width == size.0 && shown.height == size.1)
      let corners = [
        shown[4, 4], shown[shown.width - 5, 4], shown[shown.width - 5, shown.height - 5],
        shown[4, shown.height - 5],
      ]
      #expect(corners[red].red > 200 && corners[red].green < 60, "orientation \(orientation)")
      #expect(corners[green].green > 200 && corners[green].red < 60, "orientation \(orientation)")
    }
  }

  @Test func `Junk in the block means upright`() throws {
    let bytes = try gradient(24, 16).encodedJPEG()
    let whole = tiff(orientation: 6, isLittle: true)
    var junk: [[UInt8]] = (0..<18).map { Array(whole.prefix($0)) }
    junk.append(tiff(orientation: 0, isLittle: true))
    junk.append(tiff(orientation: 9, isLittle: false))
    junk.append([0x49, 0x49, 42, 0, 0xFF, 0xFF, 0xFF, 0xFF])
    junk.append([0x4D, 0x4D, 0, 42, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    for tiff in junk {
      let shown = try ImageFile.decode(bytes: withExif(bytes, tiff: tiff), path: "memory").image
      #expect(shown.size == ImageSize(width: 24, height: 16))
    }
  }

  @Test func `The probe tells the size as shown`() throws {
    let folder = try TemporaryFolder()
    let bytes = withExif(
      try gradient(24, 16).encodedJPEG(), tiff: tiff(orientation: 6, isLittle: true))
    let path = try folder.write(bytes, as: "turned.jpg")
    #expect(try ImageFile.probe(path) == ImageSize(width: 16, height: 24))
  }
}
