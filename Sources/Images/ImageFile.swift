/// Reading of picture files. JPEG and PNG are told apart by their first bytes, never by the name.
///
/// What comes out is as a viewer shows it: EXIF orientation is applied, gray and palette are
/// expanded, CMYK is converted without a profile, 16 bits keep their high byte, alpha is dropped.
public enum ImageFile {
  /// No image file may be longer: 256 MiB, twice what the largest allowed image has as a
  /// photograph's PNG.
  public static let maximumByteCount = 1 << 28

  /// A decoded picture and how it relates to the file.
  public struct Decoded: Sendable {
    public var image: Image
    /// The size as shown, at full scale.
    public var originalSize: ImageSize
    /// `x in image = x in the original · scale`, exactly: 1, 1/2, 1/4 or 1/8. The last column and
    /// row may stand for less than a whole pixel.
    public var scale: Double
  }

  /// The size as shown, from the header alone. The pixels may still be damaged.
  public static func probe(_ path: String) throws(ImageError) -> ImageSize {
    // EXIF thumbnails and colour profiles usually end well before this.
    let usual = 1 << 17
    let bytes = try readFile(path, prefix: usual)
    do {
      return try probe(bytes, path: path)
    } catch ImageError.damaged where bytes.count == usual {
      return try probe(readFile(path), path: path)
    }
  }

  /// The picture at full scale.
  public static func decode(_ path: String) throws(ImageError) -> Image {
    try decodeWithScale(path, atLeast: nil).image
  }

  /// The picture with its longer side at least `longSide` pixels if it has as many; a large JPEG is
  /// shrunk by 2, 4 or 8 while it is decoded, which saves most of the time.
  public static func decode(_ path: String, atLeast longSide: Int?) throws(ImageError) -> Image {
    try decodeWithScale(path, atLeast: longSide).image
  }

  /// Like `decode`, with the scale that was chosen.
  public static func decodeWithScale(
    _ path: String, atLeast longSide: Int?
  ) throws(ImageError) -> Decoded {
    try decode(bytes: readFile(path), path: path, atLeast: longSide)
  }

  /// Decodes the bytes of a file; `path` is for the error alone.
  public static func decode(
    bytes: [UInt8], path: String, atLeast longSide: Int? = nil
  ) throws(ImageError) -> Decoded {
    switch try format(of: bytes, path: path) {
    case .jpeg:
      let header = try jpegHeader(bytes, path: path)
      let divisor = divisor(for: header, atLeast: longSide)
      let image = try decodeJPEG(bytes, header: header, divisor: divisor, path: path)
      return Decoded(
        image: image.turned(header.orientation), originalSize: header.shownSize,
        scale: 1 / Double(divisor))
    case .png:
      let contents = try PNGContents(bytes, path: path, keepingPixels: true)
      let image = try decodePNG(contents, path: path).turned(contents.orientation)
      return Decoded(image: image, originalSize: image.size, scale: 1)
    }
  }

  private enum Format { case jpeg, png }

  private static func format(of bytes: [UInt8], path: String) throws(ImageError) -> Format {
    let kind = ImageKind(firstBytes: bytes)
    switch kind {
    case .jpeg: return .jpeg
    case .png: return .png
    default:
      throw bytes.isEmpty
        ? .damaged(path: path, reason: "the file is empty")
        : .unknownFormat(path: path, kind: kind?.rawValue)
    }
  }

  private static func probe(_ bytes: [UInt8], path: String) throws(ImageError) -> ImageSize {
    switch try format(of: bytes, path: path) {
    case .jpeg: return try jpegHeader(bytes, path: path).shownSize
    case .png:
      let contents = try PNGContents(bytes, path: path, keepingPixels: false)
      return contents.size.turned(contents.orientation)
    }
  }

  private static func jpegHeader(_ bytes: [UInt8], path: String) throws(ImageError) -> JPEGHeader {
    guard let header = try JPEGHeader(bytes, path: path) else {
      throw .damaged(path: path, reason: "the JPEG has no frame header")
    }
    return header
  }

  /// The largest of 8, 4, 2, 1 that leaves `longSide` pixels. A turned picture is only shrunk
  /// evenly, since a partial last pixel would become a partial first one.
  private static func divisor(for header: JPEGHeader, atLeast longSide: Int?) -> Int {
    guard let longSide else { return 1 }
    let (W, H) = (header.size.width, header.size.height)
    let divisor = [8, 4, 2].first { d in
      max(W, H) / d >= longSide
        && (header.orientation == .upright || (W % d == 0 && H % d == 0))
    }
    return divisor ?? 1
  }
}

extension JPEGHeader {
  var shownSize: ImageSize { size.turned(orientation) }
}

extension ImageSize {
  func turned(_ orientation: Orientation) -> ImageSize {
    orientation.swapsAxes ? ImageSize(width: height, height: width) : self
  }
}
