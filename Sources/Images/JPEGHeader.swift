/// What the markers before a JPEG's first scan say.
struct JPEGHeader {
  /// As stored, before orientation.
  var size: ImageSize
  var componentCount: Int
  var isProgressive: Bool
  /// The decoder holds the coefficients of all pixels until it has read the last scan: of a
  /// progressive JPEG, and of one whose components lie in several scans.
  var keepsCoefficients: Bool
  /// Adobe's APP14 marker is there: its CMYK is stored inverted.
  var hasAdobeMarker = false
  var orientation = Orientation.upright

  /// Walks the markers, skipping stray bytes between them as libjpeg does.
  ///
  /// - Returns: `nil` if `bytes` end before the frame header; the caller may come with more.
  /// - Throws: what is wrong with the frame header, or a size beyond the limit.
  // bounded: indices are compared with the count or a segment's end first; `check` holds the pixels
  init?(_ bytes: [UInt8], path: String) throws(ImageError) {
    var frame: (size: ImageSize, componentCount: Int, isProgressive: Bool)?
    var hasAdobe = false
    var orientation: Orientation?
    var scanComponentCount: Int?
    var i = 2
    scan: while true {
      while i < bytes.count && bytes[i] != 0xFF { i += 1 }
      while i < bytes.count && bytes[i] == 0xFF { i += 1 }
      guard i < bytes.count else { break }
      let marker = bytes[i]
      i += 1
      switch marker {
      case 0x00, 0x01, 0xD0...0xD8: continue scan
      case 0xD9: break scan
      case 0xDA:
        if i + 2 < bytes.count { scanComponentCount = Int(bytes[i + 2]) }
        break scan
      default: break
      }
      guard i + 2 <= bytes.count else { break }
      let end = i + (Int(bytes[i]) << 8 | Int(bytes[i + 1]))
      let body = i + 2
      guard end >= body else {
        throw .damaged(path: path, reason: "a marker declares a length below 2")
      }
      guard end <= bytes.count else { break }
      switch marker {
      case 0xC0, 0xC1, 0xC2, 0xC9, 0xCA:
        guard end - body >= 6 else {
          throw .damaged(path: path, reason: "the frame header is too short")
        }
        guard bytes[body] == 8 else {
          throw .unsupported(path: path, kind: "JPEG of \(bytes[body]) bits per sample")
        }
        let size = ImageSize(
          width: Int(bytes[body + 3]) << 8 | Int(bytes[body + 4]),
          height: Int(bytes[body + 1]) << 8 | Int(bytes[body + 2]))
        frame = (size, Int(bytes[body + 5]), marker == 0xC2 || marker == 0xCA)
      case 0xC3, 0xC5...0xC7, 0xCB, 0xCD...0xCF:
        throw .unsupported(path: path, kind: "lossless or hierarchical JPEG")
      case 0xE1 where orientation == nil && bytes[body..<end].starts(with: Self.exif):
        orientation = Orientation(tiff: bytes[(body + Self.exif.count)..<end])
      case 0xEE where bytes[body..<end].starts(with: Self.adobe) && end - body >= 12:
        hasAdobe = true
      default: break
      }
      i = end
    }
    guard let frame else { return nil }
    guard frame.size.width > 0 && frame.size.height > 0 else {
      throw .damaged(path: path, reason: "it declares \(frame.size) pixels")
    }
    try frame.size.check(path: path)
    guard [1, 3, 4].contains(frame.componentCount) else {
      throw .unsupported(path: path, kind: "JPEG of \(frame.componentCount) components")
    }
    size = frame.size
    componentCount = frame.componentCount
    isProgressive = frame.isProgressive
    keepsCoefficients =
      frame.isProgressive || (scanComponentCount ?? frame.componentCount) < frame.componentCount
    hasAdobeMarker = hasAdobe
    self.orientation = orientation ?? .upright
    // A coefficient takes two bytes. Neither product can overflow: `check` bounds the pixels.
    let pixelCount = size.width * size.height
    let bytesPerPixel = keepsCoefficients ? 3 + 2 * componentCount : 3
    guard pixelCount * bytesPerPixel <= Self.maximumMemory else {
      throw .unsupported(
        path: path,
        kind: "\(kind) of \(size) pixels, for which decoding needs more than "
          + "\(Self.maximumMemory >> 20) MiB,")
    }
  }

  /// For sentences about what `keepsCoefficients` costs.
  var kind: String { isProgressive ? "a progressive JPEG" : "a non-interleaved JPEG" }

  /// Whether an end-of-image marker follows the first scan header.
  // bounded: i + 3 is below the count, and a length has 16 bits
  static func hasEnd(_ bytes: [UInt8]) -> Bool {
    var i = 2
    while i + 3 < bytes.count {
      guard bytes[i] == 0xFF else {
        i += 1
        continue
      }
      switch bytes[i + 1] {
      case 0xFF: i += 1
      case 0x00, 0x01, 0xD0...0xD8: i += 2
      case 0xDA:
        return (i..<(bytes.count - 1)).contains { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xD9 }
      default: i += 2 + (Int(bytes[i + 2]) << 8 | Int(bytes[i + 3]))
      }
    }
    return false
  }

  /// For coefficients and pixels together: 900 MiB, so that a decoding stays below 1 GiB.
  private static let maximumMemory = 900 << 20

  /// How many scans follow, at most: markers of a start of scan, counted in whatever place.
  // bounded: i runs from 1 to the count
  static func scanCount(_ bytes: [UInt8]) -> Int {
    bytes.withUnsafeBufferPointer { bytes in
      var count = 0
      for i in 1..<max(1, bytes.count) where bytes[i] == 0xDA && bytes[i - 1] == 0xFF { count += 1 }
      return count
    }
  }

  private static let exif: [UInt8] = [0x45, 0x78, 0x69, 0x66, 0, 0]
  private static let adobe: [UInt8] = [0x41, 0x64, 0x6F, 0x62, 0x65]
}

extension ImageSize {
  // bounded: the sides are compared with their limit first
  func check(path: String) throws(ImageError) {
    guard
      width <= Self.maximumSide && height <= Self.maximumSide
        && width * height <= Self.maximumPixelCount
    else { throw .tooLarge(path: path, width: width, height: height) }
  }
}
