/// A change of hue, saturation and value.
///
/// With `v` the largest channel and `d` its distance from the smallest, the new value is `v·value`,
/// the new saturation `d/v·saturation`, both cut at full, and the hue, which says where the
/// channels lie between the two, is shifted. Only integers and single IEEE operations: the bits are
/// the same on every machine.
package struct ColorShift {
  /// In 1/256 of a sixth of the colour circle, 0 ..< 1536.
  private var hueShift: Int32
  private var saturation: Float
  private var value: Float
  package var isIdentity: Bool { hueShift == 0 && saturation == 1 && value == 1 }

  /// - Parameters:
  ///   - hue: added, as a fraction of the colour circle.
  ///   - saturation: factor; the result is cut at full saturation.
  ///   - value: factor; the result is cut at white.
  package init(hue: Float, saturation: Float, value: Float) {
    hueShift = (Int32((hue * 1536).rounded()) % 1536 + 1536) % 1536
    self.saturation = saturation
    self.value = value
  }

  /// Changes `pixelCount` RGB pixels in place.
  package func apply(to pixels: UnsafeMutablePointer<UInt8>, pixelCount: Int) {
    if isIdentity { return }
    // Planes of a few hundred pixels stay in the nearest cache and let the loop below run on
    // vectors.
    let capacity = 512
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: 3 * capacity) { planes in
      let red = planes.baseAddress!
      let green = red + capacity
      let blue = green + capacity
      var first = 0
      while first < pixelCount {
        let count = min(capacity, pixelCount - first)
        let chunk = pixels + 3 * first
        for i in 0..<count {
          red[i] = Int32(chunk[3 * i])
          green[i] = Int32(chunk[3 * i + 1])
          blue[i] = Int32(chunk[3 * i + 2])
        }
        change(red, green, blue, count: count)
        for i in 0..<count {
          chunk[3 * i] = UInt8(truncatingIfNeeded: red[i])
          chunk[3 * i + 1] = UInt8(truncatingIfNeeded: green[i])
          chunk[3 * i + 2] = UInt8(truncatingIfNeeded: blue[i])
        }
        first += count
      }
    }
  }

  private func change(
    _ red: UnsafeMutablePointer<Int32>, _ green: UnsafeMutablePointer<Int32>,
    _ blue: UnsafeMutablePointer<Int32>, count: Int
  ) {
    for i in 0..<count {
      let (r, g, b) = (red[i], green[i], blue[i])
      let v = max(r, max(g, b))
      let d = v &- min(r, min(g, b))
      let brightened = Float(v) * value
      let newV = rounded(brightened < 255 ? brightened : 255)
      let saturated = Float(d) / Float(max(v, 1)) * saturation
      let newD = rounded(Float(newV) * (saturated < 1 ? saturated : 1))

      // The hue from the middle channel's place, in sixths of the circle counted from red.
      let isRed = v == r
      let isGreen = v == g
      let difference = isRed ? g &- b : (isGreen ? b &- r : r &- g)
      let sixth: Int32 = isRed ? 0 : (isGreen ? 512 : 1024)
      let hue = rounded(Float(difference) / Float(max(d, 1)) * 256) &+ sixth &+ hueShift
      red[i] = newV &- below(hue &+ 1280, newD)
      green[i] = newV &- below(hue &+ 768, newD)
      blue[i] = newV &- below(hue &+ 256, newD)
    }
  }
}

/// How far a channel lies under the largest: rises over a sixth, stays for two, falls over one.
///
/// - Parameter phase: the hue from where the channel begins to fall, -256 ..< 4608.
@inline(__always)
private func below(_ phase: Int32, _ d: Int32) -> Int32 {
  var k = phase
  k = k < 0 ? k &+ 1536 : k
  k = k >= 3072 ? k &- 3072 : k
  k = k >= 1536 ? k &- 1536 : k
  let rise = min(k, 1024 &- k)
  let part = max(0, min(rise, 256))
  return (d &* part &+ 128) >> 8
}

/// The nearest integer of a number below 2²², halves to even: adding 1.5·2²³ leaves it in the low
/// bits.
@inline(__always)
private func rounded(_ x: Float) -> Int32 {
  Int32(bitPattern: (x + 0x1.8p23).bitPattern) &- 0x4B40_0000
}
