import Images
import Testing

@Suite struct DrawingTests {
  static let ink = RGB(255, 0, 0)

  private func count(_ image: Image, of color: RGB) -> Int {
    (0..<image.height).reduce(0) { sum, y in
      sum + (0..<image.width).count { image[$0, y] == color }
    }
  }

  @Test func `A rectangle is an outline of the asked width inside the corners`() {
    var image = Image(width: 40, height: 30, fill: 0)
    image.drawRectangle(corners: [5, 6, 25, 20], color: Self.ink, lineWidth: 2)
    #expect(count(image, of: Self.ink) == 20 * 14 - 16 * 10)
    #expect(image[5, 6] == Self.ink && image[24, 19] == Self.ink)
    #expect(image[25, 19] != Self.ink && image[4, 6] != Self.ink && image[7, 8] != Self.ink)
  }

  @Test func `What lies outside is cut, and what is not finite is not drawn`() {
    var image = Image(width: 20, height: 20, fill: 0)
    image.drawRectangle(corners: [-1e30, -5, 1e30, 10], color: Self.ink)
    image.drawRectangle(corners: [.nan, 0, 10, 10], color: RGB(0, 255, 0))
    image.drawText("edge", x: 17, y: 16, color: Self.ink, scale: 3)
    image.drawText("edge", x: -400, y: -16, color: Self.ink)
    #expect(count(image, of: RGB(0, 255, 0)) == 0)
    #expect(image[10, 8] == Self.ink)
  }

  @Test func `Every printable character has a shape of its own`() {
    var seen: Set<[UInt8]> = []
    for code in UInt8(33)..<127 {
      var image = Image(width: 6, height: 8, fill: 0)
      image.drawText(String(UnicodeScalar(code)), x: 0, y: 0, color: Self.ink)
      #expect(count(image, of: Self.ink) > 0)
      #expect(seen.insert(image.pixels).inserted, "\(UnicodeScalar(code))")
    }
  }

  @Test func `A label sits above its box, or inside where there is no room`() {
    var image = Image(width: 100, height: 60, fill: 0)
    image.drawLabel("car 0.9", above: [10, 30, 50, 50], color: Self.ink)
    #expect(image[10, 29] == Self.ink && image[10, 30] != Self.ink)
    image = Image(width: 100, height: 60, fill: 0)
    image.drawLabel("car", above: [90, 2, 99, 50], color: Self.ink)
    #expect(image[99, 2] == Self.ink && image[99, 1] != Self.ink)
  }
}
