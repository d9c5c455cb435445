/// A change of hue, saturation and value, in integers: the bits are the same everywhere.
package struct ColorShift {
  /// In 1/256 of a sixth of the colour circle, 0 ..< 1536.
  private var hueShift: Int32
  private var saturations: [UInt8]
  private var values: [UInt8]
  package private(set) var isIdentity: Bool

  /// - Parameters:
  ///   - hue: added, as a fraction of the colour circle.
  ///   - saturation: factor; the result is cut at full saturation.
  ///   - value: factor; the result is cut at white.
  package init(hue: Float, saturation: Float, value: Float) {
    func table(_ factor: Float) -> [UInt8] {
      (0..<256).map { UInt8(min(255, max(0, (Float($0) * factor).rounded()))) }
    }
    hueShift = (Int32((hue * 1536).rounded()) % 1536 + 1536) % 1536
    saturations = table(saturation)
    values = table(value)
    isIdentity = hueShift == 0 && saturation == 1 && value == 1
  }

  /// Changes `pixelCount` RGB pixels in place.
  ///
  /// With `v` the largest channel, `d` its distance from the smallest and `s = 255·d/v`, the new `v` and
  /// `s` come from tables, the new `d` is `v·s/255`, and the hue says which channel lies where between.
  package func apply(to pixels: UnsafeMutablePointer<UInt8>, pixelCount: Int) {
    if isIdentity { return }
    saturations.withUnsafeBufferPointer { saturations in
      values.withUnsafeBufferPointer { values in
        reciprocals.withUnsafeBufferPointer { reciprocals in
          for i in 0..<pixelCount {
            change(
              pixels + 3 * i, saturations.baseAddress!, values.baseAddress!,
              reciprocals.baseAddress!)
          }
        }
      }
    }
  }

  @inline(__always)
  private func change(
    _ pixel: UnsafeMutablePointer<UInt8>, _ saturations: UnsafePointer<UInt8>,
    _ values: UnsafePointer<UInt8>, _ reciprocals: UnsafePointer<Int32>
  ) {
    let (r, g, b) = (Int32(pixel[0]), Int32(pixel[1]), Int32(pixel[2]))
    let v = max(r, max(g, b))
    let d = v &- min(r, min(g, b))
    let newV = Int32(values[Int(v)])
    if d == 0 {
      let gray = UInt8(truncatingIfNeeded: newV)
      pixel[0] = gray
      pixel[1] = gray
      pixel[2] = gray
      return
    }
    let s = (d &* reciprocals[Int(v)] &* 255 &+ 1 << 15) >> 16
    let newD = (newV &* Int32(saturations[Int(min(s, 255))]) &+ 127) / 255
    let low = newV &- newD

    let isRed = v == r
    let isGreen = !isRed && v == g
    let difference = isRed ? g &- b : (isGreen ? b &- r : r &- g)
    var hue = (difference &* reciprocals[Int(d)] &+ 1 << 7) >> 8
    hue = hue &+ (isRed ? 0 : (isGreen ? 512 : 1024)) &+ hueShift
    if hue < 0 { hue &+= 1536 }
    if hue >= 1536 { hue &-= 1536 }
    let fraction = hue & 255
    let step = (newD &* fraction &+ 128) >> 8
    let rising = UInt8(truncatingIfNeeded: low &+ step)
    let falling = UInt8(truncatingIfNeeded: newV &- step)
    let top = UInt8(truncatingIfNeeded: newV)
    let bottom = UInt8(truncatingIfNeeded: low)
    switch hue >> 8 {
    case 0: (pixel[0], pixel[1], pixel[2]) = (top, rising, bottom)
    case 1: (pixel[0], pixel[1], pixel[2]) = (falling, top, bottom)
    case 2: (pixel[0], pixel[1], pixel[2]) = (bottom, top, rising)
    case 3: (pixel[0], pixel[1], pixel[2]) = (bottom, falling, top)
    case 4: (pixel[0], pixel[1], pixel[2]) = (rising, bottom, top)
    default: (pixel[0], pixel[1], pixel[2]) = (top, bottom, falling)
    }
  }
}

/// `65536 / x`, rounded; 0 for 0.
private let reciprocals: [Int32] = [0] + (1...255).map { (x: Int32) in (65536 + x / 2) / x }
