/// What a file holds by its first bytes; the name says nothing.
package enum ImageKind: String, Sendable {
  case jpeg = "JPEG"
  case png = "PNG"
  case gif = "GIF"
  case bmp = "BMP"
  case tiff = "TIFF"
  case webp = "WebP"
  case heic = "HEIC"
  case avif = "AVIF"
  case jpeg2000 = "JPEG 2000"
  case jpegXL = "JPEG XL"
  case portable = "PPM"

  /// As many bytes as are looked at.
  package static let prefixByteCount = 32

  /// Whether `ImageFile` decodes it.
  package var isRead: Bool { self == .jpeg || self == .png }

  /// `nil` for what is not known.
  package init?(firstBytes bytes: some Collection<UInt8>) {
    let bytes = Array(bytes.prefix(Self.prefixByteCount))
    func has(_ text: String, at offset: Int) -> Bool {
      bytes.dropFirst(offset).starts(with: Array(text.utf8))
    }
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if bytes.starts(with: PNGContents.signature) {
      self = .png
    } else if has("GIF8", at: 0) {
      self = .gif
    } else if has("RIFF", at: 0) && has("WEBP", at: 8) {
      self = .webp
    } else if bytes.starts(with: [0x49, 0x49, 0x2A, 0])
      || bytes.starts(with: [0x4D, 0x4D, 0, 0x2A])
    {
      self = .tiff
    } else if has("ftypavif", at: 4) || has("ftypavis", at: 4) {
      self = .avif
    } else if ["heic", "heix", "hevc", "mif1", "msf1"].contains(where: { has("ftyp" + $0, at: 4) })
    {
      self = .heic
    } else if has("jP  ", at: 4) || bytes.starts(with: [0xFF, 0x4F, 0xFF, 0x51]) {
      self = .jpeg2000
    } else if has("JXL ", at: 4) || bytes.starts(with: [0xFF, 0x0A]) {
      self = .jpegXL
    } else if has("BM", at: 0) && bytes.count >= 18
      && [12, 40, 52, 56, 108, 124].contains(bytes[14])
      && bytes[15...17].elementsEqual([0, 0, 0])  // bounded: 18 bytes or more
    {
      self = .bmp
    } else if bytes.count >= 3, bytes[0] == 0x50, (0x31...0x36).contains(bytes[1]),
      [0x20, 0x09, 0x0A, 0x0D, 0x23].contains(bytes[2])
    {
      self = .portable
    } else {
      return nil
    }
  }

  /// What the file at `path` holds; `nil` if that is not known or the file is no regular one.
  package init?(path: String) {
    guard
      let bytes = try? regularFileBytes(
        path, limit: .max, prefix: Self.prefixByteCount)
    else { return nil }
    self.init(firstBytes: bytes)
  }
}
