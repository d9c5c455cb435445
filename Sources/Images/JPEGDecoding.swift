import CTurboJPEG

/// Decodes a JPEG, as stored (before orientation), shrunk by `divisor` (1, 2, 4 or 8) on the way.
///
/// A warning of the decoder is an error, since libjpeg fills in gray after it, but for two, and
/// these only if the file does have an end: stray bytes before a marker harm nothing, and where a
/// progressive picture misses data its earlier scans stand.
// bounded: the header's size was checked: at most 65,500 a side and 2²⁷ pixels
func decodeJPEG(
  _ bytes: [UInt8], header: JPEGHeader, divisor: Int, path: String
) throws(ImageError) -> Image {
  // Every scan of such a JPEG goes over all pixels again, however few bytes it has.
  if header.keepsCoefficients {
    let scanCount = JPEGHeader.scanCount(bytes)
    guard scanCount <= 16 || scanCount <= (1 << 30) / (header.size.width * header.size.height)
    else {
      throw .unsupported(
        path: path, kind: "\(header.kind) of \(scanCount) scans at \(header.size) pixels")
    }
  }
  guard let handle = tjInitDecompress() else {
    throw .damaged(path: path, reason: "the decoder found no memory")
  }
  defer { tjDestroy(handle) }
  let W = (header.size.width + divisor - 1) / divisor
  let H = (header.size.height + divisor - 1) / divisor
  let isCMYK = header.componentCount == 4
  let format = isCMYK ? TJPF_CMYK : TJPF_RGB
  let channels = isCMYK ? 4 : 3
  var pixels = [UInt8](repeating: 0, count: W * H * channels)
  let code = pixels.withUnsafeMutableBufferPointer { target in
    bytes.withUnsafeBufferPointer { source in
      tjDecompress2(
        handle, source.baseAddress, UInt(source.count), target.baseAddress, CInt(W),
        CInt(W * channels), CInt(H), format.rawValue, TJFLAG_ACCURATEDCT)
    }
  }
  if code != 0 {
    let message = String(cString: tjGetErrorStr2(handle))
    let isHarmless =
      message.contains("extraneous bytes before marker")
      || (header.isProgressive && message.contains("premature end of data segment"))
    guard cturbojpeg_is_warning(handle) != 0 && isHarmless && JPEGHeader.hasEnd(bytes) else {
      throw .damaged(path: path, reason: message)
    }
  }
  if isCMYK { pixels = rgb(fromCMYK: pixels, isInverted: header.hasAdobeMarker) }
  return Image(width: W, height: H, pixels: pixels)
}

/// `red = (255 - C) · (255 - K) / 255`, green and blue alike, without a colour profile.
///
/// - Parameter isInverted: 255 stands for no ink, as Adobe's programs store it.
// bounded: four bytes become three; a product of two bytes, over 255, is a byte
private func rgb(fromCMYK pixels: [UInt8], isInverted: Bool) -> [UInt8] {
  let flip: UInt8 = isInverted ? 0 : 255
  var result = [UInt8](repeating: 0, count: pixels.count / 4 * 3)
  for i in 0..<(pixels.count / 4) {
    let light = UInt32(pixels[4 * i + 3] ^ flip)
    for c in 0..<3 {
      result[3 * i + c] = UInt8((UInt32(pixels[4 * i + c] ^ flip) * light + 127) / 255)
    }
  }
  return result
}
