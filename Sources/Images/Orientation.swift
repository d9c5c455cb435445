/// How the stored rows and columns have to be turned to be shown upright: EXIF's tag 0x0112.
///
/// *Source:* CIPA DC-008 (EXIF 2.32), 4.6.4.
enum Orientation: Int {
  case upright = 1
  case mirrored, halfTurn, flipped, transposed, quarterTurn, transversed, threeQuarterTurn

  /// Whether width and height change places.
  var swapsAxes: Bool { rawValue >= 5 }

  /// Reads a TIFF block as it lies in a JPEG's APP1 after `Exif\0\0` or in a PNG's eXIf chunk.
  ///
  /// Cameras and editors write much junk here, so whatever cannot be followed means `upright`.
  init(tiff: ArraySlice<UInt8>) {
    self = Self.read(tiff) ?? .upright
  }

  // bounded: `byte` compares each offset with the count; offsets are of 32 bits
  private static func read(_ tiff: ArraySlice<UInt8>) -> Orientation? {
    let start = tiff.startIndex
    guard tiff.count >= 8 else { return nil }
    let isLittle: Bool
    switch (tiff[start], tiff[start + 1]) {
    case (0x49, 0x49): isLittle = true
    case (0x4D, 0x4D): isLittle = false
    default: return nil
    }
    func byte(_ offset: Int) -> Int? {
      offset >= 0 && offset < tiff.count ? Int(tiff[start + offset]) : nil
    }
    func short(_ offset: Int) -> Int? {
      guard let a = byte(offset), let b = byte(offset + 1) else { return nil }
      return isLittle ? a | b << 8 : a << 8 | b
    }
    func long(_ offset: Int) -> Int? {
      guard let a = short(offset), let b = short(offset + 2) else { return nil }
      return isLittle ? a | b << 16 : a << 16 | b
    }
    guard short(2) == 42, let directory = long(4), let count = short(directory) else { return nil }
    for i in 0..<count {
      let entry = directory + 2 + 12 * i
      guard let tag = short(entry) else { return nil }
      if tag == 0x0112 {
        guard short(entry + 2) == 3, let value = short(entry + 8) else { return nil }
        return Orientation(rawValue: value)
      }
    }
    return nil
  }
}

extension Image {
  /// The picture turned so that it is upright.
  // bounded: every place is of a pixel, and the pixels were counted when the image was made
  func turned(_ orientation: Orientation) -> Image {
    if orientation == .upright { return self }
    let (W, H) = orientation.swapsAxes ? (height, width) : (width, height)
    // The stored pixel under shown pixel (x, y) is `origin + x·dx + y·dy`, in pixels.
    let right = width - 1
    let bottom = (height - 1) * width
    let (origin, dx, dy) =
      switch orientation {
      case .upright: (0, 1, width)
      case .mirrored: (right, -1, width)
      case .halfTurn: (bottom + right, -1, -width)
      case .flipped: (bottom, 1, -width)
      case .transposed: (0, width, 1)
      case .quarterTurn: (bottom, -width, 1)
      case .transversed: (bottom + right, -width, -1)
      case .threeQuarterTurn: (right, width, -1)
      }
    let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, count in
      pixels.withUnsafeBufferPointer { source in
        var o = 0
        for y in 0..<H {
          var i = (origin + y * dy) * 3
          for _ in 0..<W {
            target[o] = source[i]
            target[o + 1] = source[i + 1]
            target[o + 2] = source[i + 2]
            o += 3
            i += dx * 3
          }
        }
      }
      count = pixels.count
    }
    return Image(width: W, height: H, pixels: turned)
  }
}
