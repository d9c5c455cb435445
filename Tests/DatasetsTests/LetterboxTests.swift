import Datasets
import Images
import Testing

@Suite struct LetterboxTests {
  @Test(arguments: [(640, 480), (480, 640), (100, 100), (1000, 333), (37, 52), (3, 2000)])
  func `A drawn rectangle lands in its mapped box`(size: (Int, Int)) {
    var image = Image(width: size.0, height: size.1, fill: 0)
    let (x0, y0) = (size.0 / 4, size.1 / 3)
    let (x1, y1) = (size.0 * 3 / 4 + 1, size.1 * 2 / 3 + 1)
    image.fillRectangle(x0: x0, y0: y0, x1: x1, y1: y1, color: RGB(255, 255, 255))
    let (boxed, letterbox) = image.letterboxed(to: 320)
    let corners = letterbox.toInput([Float(x0), Float(y0), Float(x1), Float(y1)])
    #expect(boxed.size == ImageSize(width: 320, height: 320))
    for y in 0..<320 {
      for x in 0..<320 {
        let (cx, cy) = (Float(x) + 0.5, Float(y) + 0.5)
        // More than a pixel's filter away from the edges the colour is pure.
        let reach = max(1, letterbox.scale) + 0.5
        let inside = min(
          min(cx - corners[0], corners[2] - cx), min(cy - corners[1], corners[3] - cy))
        if inside > reach { #expect(boxed[x, y].red >= 254, "\(x), \(y)") }
        if inside < -reach { #expect(boxed[x, y].red <= 114, "\(x), \(y)") }
      }
    }
  }

  @Test func `What the picture does not cover is gray, the smaller half first`() {
    let (boxed, letterbox) = Image(width: 320, height: 201, fill: 0).letterboxed(to: 320)
    #expect(letterbox.padY == 59 && letterbox.padX == 0 && letterbox.scale == 1)
    #expect(boxed[5, 58] == RGB(114, 114, 114) && boxed[5, 59] == RGB(0, 0, 0))
    #expect(boxed[5, 259] == RGB(0, 0, 0) && boxed[5, 260] == RGB(114, 114, 114))
  }

  @Test func `There and back is where one was`() {
    let letterbox = Letterbox(fitting: ImageSize(width: 559, height: 536), into: 320)
    let corners = SIMD4<Float>(159, 181, 302, 431)
    let back = letterbox.toOriginal(letterbox.toInput(corners))
    for i in 0..<4 { #expect(abs(back[i] - corners[i]) < 1e-3) }
    #expect(letterbox.toOriginal([-50, -50, 900, 900]) == [0, 0, 559, 536])
  }
}
