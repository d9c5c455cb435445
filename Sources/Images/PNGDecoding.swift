import CPNG

/// A PNG reduced to what its pixels need.
struct PNGContents {
  var size: ImageSize
  var orientation = Orientation.upright
  /// The signature and the critical chunks. Text, profiles, animation frames and transparency stay
  /// behind, so nothing in them can be inflated.
  var criticalBytes: [UInt8]

  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Checks the checksums of the critical chunks too: the decoder looks at a data chunk's only
  /// after it has used the data, and not at all when the damaged data already filled the picture.
  ///
  /// - Parameter keepingPixels: false for a probe: `bytes` may end anywhere after the header.
  // bounded: 33 bytes or more; each chunk's end, of a length of 32 bits, is compared with the count
  init(_ bytes: [UInt8], path: String, keepingPixels: Bool) throws(ImageError) {
    func long(_ i: Int) -> Int {
      Int(bytes[i]) << 24 | Int(bytes[i + 1]) << 16 | Int(bytes[i + 2]) << 8 | Int(bytes[i + 3])
    }
    guard bytes.count >= 33, long(8) == 13, bytes[12..<16].elementsEqual("IHDR".utf8) else {
      throw .damaged(path: path, reason: "the PNG does not begin with an IHDR chunk")
    }
    size = ImageSize(width: long(16), height: long(20))
    guard size.width > 0 && size.height > 0 else {
      throw .damaged(path: path, reason: "it declares \(size) pixels")
    }
    try size.check(path: path)
    criticalBytes = Self.signature
    if keepingPixels { criticalBytes.reserveCapacity(bytes.count) }
    var i = 8
    while i + 12 <= bytes.count {
      let end = i + 12 + long(i)
      guard end <= bytes.count else { break }
      if bytes[(i + 4)..<(i + 8)].elementsEqual("eXIf".utf8) {
        orientation = Orientation(tiff: bytes[(i + 8)..<(end - 4)])
      }
      // Bit 5 of a chunk name's first letter is clear in critical chunks.
      if keepingPixels && bytes[i + 4] & 0x20 == 0 {
        guard crc32(bytes[(i + 4)..<(end - 4)]) == UInt32(long(end - 4)) else {
          throw .damaged(path: path, reason: "the checksum of a chunk at byte \(i) is wrong")
        }
        criticalBytes += bytes[i..<end]
        if bytes[(i + 4)..<(i + 8)].elementsEqual("IEND".utf8) { return }
      }
      i = end
    }
    if keepingPixels { throw .damaged(path: path, reason: "the PNG ends before its IEND chunk") }
  }
}

/// Decodes a PNG, as stored (before orientation).
///
/// Palette and gray become RGB, 16 bits their high byte. Alpha and transparency are dropped: the
/// colour of a pixel is what is stored under its alpha. Of an animation this is the default
/// picture.
// bounded: the size was checked with the header: at most 2²⁷ pixels
func decodePNG(_ contents: PNGContents, path: String) throws(ImageError) -> Image {
  guard let context = spng_ctx_new(0) else {
    throw .damaged(path: path, reason: "the decoder found no memory")
  }
  defer { spng_ctx_free(context) }
  let byteCount = contents.size.width * contents.size.height * 3
  var pixels = [UInt8](repeating: 0, count: byteCount)
  let code: CInt = contents.criticalBytes.withUnsafeBytes { source in
    spng_set_image_limits(context, UInt32(ImageSize.maximumSide), UInt32(ImageSize.maximumSide))
    var code = spng_set_png_buffer(context, source.baseAddress, source.count)
    if code != 0 { return code }
    var decodedByteCount = 0
    code = spng_decoded_image_size(context, CInt(SPNG_FMT_RGB8.rawValue), &decodedByteCount)
    if code != 0 { return code }
    guard decodedByteCount == byteCount else { return CInt(SPNG_EBUFSIZ.rawValue) }
    return pixels.withUnsafeMutableBytes { target in
      spng_decode_image(
        context, target.baseAddress, byteCount, CInt(SPNG_FMT_RGB8.rawValue), 0)
    }
  }
  guard code == 0 else {
    throw .damaged(path: path, reason: String(cString: spng_strerror(code)))
  }
  return Image(width: contents.size.width, height: contents.size.height, pixels: pixels)
}

/// The CRC-32 of ISO 3309, as PNG uses it.
// bounded: an index of 8 bits into 256 elements
private func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  var crc = ~UInt32(0)
  bytes.withUnsafeBufferPointer { bytes in
    crcTable.withUnsafeBufferPointer { table in
      for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 255)] ^ crc >> 8 }
    }
  }
  return ~crc
}

// bounded: 0 … 255
private let crcTable: [UInt32] = (0..<256).map { index in
  (0..<8).reduce(UInt32(index)) { value, _ in
    value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1
  }
}
