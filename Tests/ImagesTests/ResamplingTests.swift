import Images
import Testing

@Suite struct ResamplingTests {
  @Test func `The same size changes nothing`() {
    let isEqual = gradient(31, 17).resized(to: ImageSize(width: 31, height: 17)) == gradient(31, 17)
    #expect(isEqual)
  }

  @Test(arguments: [(1, 1), (7, 300), (90, 61), (200, 3), (1000, 800)])
  func `A flat picture stays flat at any size`(size: (Int, Int)) {
    let flat = Image(width: 97, height: 53, fill: RGB(255, 1, 114))
    let resized = flat.resized(to: ImageSize(width: size.0, height: size.1))
    let isFlat = resized == Image(width: size.0, height: size.1, fill: RGB(255, 1, 114))
    #expect(isFlat)
  }

  @Test func `A linear ramp stays linear away from the edges, growing and shrinking`() {
    var ramp = Image(width: 200, height: 8, fill: 0)
    for y in 0..<8 { for x in 0..<200 { ramp[x, y] = RGB(UInt8(x), UInt8(x), UInt8(x)) } }
    for width in [50, 77, 130, 400, 777] {
      let resized = ramp.resized(to: ImageSize(width: width, height: 8))
      let step = 200 / Double(width)
      for x in Int(2 / step + 3)..<(width - Int(2 / step + 3)) {
        // Sampling a ramp of slope one at centre c gives c - 0.5; the sampled triangle filter's
        // own centre of mass may lie a third of a level off.
        let expected = (Double(x) + 0.5) * step - 0.5
        #expect(abs(Double(resized[x, 4].green) - expected) <= 1, "x \(x) of \(width)")
      }
    }
  }

  @Test func `Shrinking averages instead of picking pixels`() {
    var stripes = Image(width: 256, height: 4, fill: 0)
    for y in 0..<4 {
      for x in stride(from: 0, to: 256, by: 2) { stripes[x, y] = RGB(255, 255, 255) }
    }
    let small = stripes.resized(to: ImageSize(width: 32, height: 4))
    let isGray = small.pixels.allSatisfy { abs(Int($0) - 128) <= 6 }
    #expect(isGray)
  }

  @Test func `An edge lands where the scale says`() {
    var image = Image(width: 300, height: 200, fill: 0)
    image.fillRectangle(x0: 120, y0: 50, x1: 240, y1: 150, color: RGB(255, 255, 255))
    let small = image.resampled(scaleX: 0.4, scaleY: 0.4, to: ImageSize(width: 120, height: 80))
    for y in 0..<80 {
      for x in 0..<120 {
        let isInside = x >= 49 && x < 95 && y >= 21 && y < 59
        let isOutside = x < 47 || x >= 97 || y < 19 || y >= 61
        if isInside { #expect(small[x, y].red >= 254) }
        if isOutside { #expect(small[x, y].red <= 1) }
      }
    }
    // Half of the light of the edge lies on either side of x = 48.
    let sum = (44..<52).reduce(0) { $0 + Int(small[$1, 40].red) }
    #expect(abs(sum - 4 * 255) <= 4)
  }
}
