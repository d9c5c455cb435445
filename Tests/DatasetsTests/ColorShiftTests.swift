import Datasets
import Testing

@Suite struct ColorShiftTests {
  private func apply(_ shift: ColorShift, _ pixels: [UInt8]) -> [UInt8] {
    var pixels = pixels
    pixels.withUnsafeMutableBufferPointer {
      shift.apply(to: $0.baseAddress!, pixelCount: $0.count / 3)
    }
    return pixels
  }

  /// The same in floating point, by the definition of HSV.
  private func reference(_ p: [UInt8], hue: Double, saturation: Double, value: Double) -> [Double] {
    let c = p.map { Double($0) / 255 }
    let (v, m) = (c.max()!, c.min()!)
    let d = v - m
    var h = 0.0
    if d > 0 {
      if v == c[0] {
        h = (c[1] - c[2]) / d
      } else if v == c[1] {
        h = 2 + (c[2] - c[0]) / d
      } else {
        h = 4 + (c[0] - c[1]) / d
      }
    }
    h = (h + 6 * hue + 12).truncatingRemainder(dividingBy: 6)
    let s = min(1, (v > 0 ? d / v : 0) * saturation)
    let newV = min(1, v * value)
    return [5.0, 3.0, 1.0].map { n in
      let k = (n + h).truncatingRemainder(dividingBy: 6)
      return 255 * (newV - newV * s * max(0, min(min(k, 4 - k), 1)))
    }
  }

  @Test(arguments: [(0, 1, 1), (0.2, 1, 1), (-0.015, 1.7, 0.6), (0.015, 0.3, 1.4), (0.5, 0.9, 1)])
  func `Every colour agrees with the definition to a few levels`(
    shift: (hue: Double, saturation: Double, value: Double)
  ) {
    var pixels: [UInt8] = []
    for r in stride(from: 0, through: 255, by: 15) {
      for g in stride(from: 0, through: 255, by: 17) {
        for b in stride(from: 0, through: 255, by: 5) { pixels += [UInt8(r), UInt8(g), UInt8(b)] }
      }
    }
    // A hue of 1/65536 of the circle is no shift but makes the identity go through the arithmetic.
    let color = ColorShift(
      hue: Float(shift.hue), saturation: Float(shift.saturation) + 1e-6, value: Float(shift.value))
    let result = apply(color, pixels)
    var worst = 0.0
    for i in stride(from: 0, to: pixels.count, by: 3) {
      let expected = reference(
        Array(pixels[i..<(i + 3)]), hue: shift.hue, saturation: shift.saturation,
        value: shift.value)
      for c in 0..<3 { worst = max(worst, abs(expected[c] - Double(result[i + c]))) }
    }
    // Saturation in 1/255, times a factor of up to 1.7, and hue in 1/1536 of the circle.
    #expect(worst <= 3)
  }

  @Test func `No change leaves every bit`() {
    let color = ColorShift(hue: 0, saturation: 1, value: 1)
    #expect(color.isIdentity)
    #expect(apply(color, [1, 2, 3, 200, 100, 50]) == [1, 2, 3, 200, 100, 50])
  }
}
