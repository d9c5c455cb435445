import Datasets
import Images
import Testing

/// A black picture with one rectangle of a pure colour.
private func scene(_ width: Int, _ height: Int, _ c: (Int, Int, Int, Int), _ color: RGB) -> Image {
  var image = Image(width: width, height: height, fill: 0)
  image.fillRectangle(x0: c.0, y0: c.1, x1: c.2, y1: c.3, color: color)
  return image
}

/// Four such pictures; a box's class is its picture's position.
struct ScenesFixture {
  static let colors = [RGB(255, 0, 0), RGB(0, 255, 0), RGB(0, 0, 255), RGB(255, 255, 0)]
  let folder: TemporaryFolder
  let samples: [Sample]

  init(scale: Int = 1) throws {
    let folder = try TemporaryFolder()
    let sizes = [(160, 120), (120, 160), (160, 160), (160, 77)]
    let boxes = [(40, 30, 120, 90), (10, 20, 110, 140), (50, 60, 110, 100), (20, 10, 140, 67)]
    samples = try (0..<4).map { i in
      let b = boxes[i]
      let image = scene(
        sizes[i].0 * scale, sizes[i].1 * scale,
        (b.0 * scale, b.1 * scale, b.2 * scale, b.3 * scale), Self.colors[i])
      try folder.write(image, as: "\(i).png")
      let corners = SIMD4<Float>(Float(b.0), Float(b.1), Float(b.2), Float(b.3)) * Float(scale)
      return Sample(
        imagePath: folder.path("\(i).png"), boxes: [LabeledBox(classIndex: i, corners: corners)],
        identifier: Int64(i), size: image.size)
    }
    self.folder = folder
  }

  /// Where `image` shows the pure colour of picture `i`, at most 4 pixels outside `window`:
  /// `x0, y0, x1, y1`, in whole pixels.
  static func extent(_ image: Image, of i: Int, near window: SIMD4<Float>) -> SIMD4<Float>? {
    let color = colors[i]
    func matches(_ value: UInt8, _ pure: UInt8) -> Bool { pure == 255 ? value >= 128 : value == 0 }
    var (x0, y0, x1, y1) = (Int.max, Int.max, -1, -1)
    let edges = (0..<4).map { Int(window[$0]) }
    for y in max(0, edges[1] - 4)..<min(image.height, edges[3] + 5) {
      for x in max(0, edges[0] - 4)..<min(image.width, edges[2] + 5) {
        let p = image[x, y]
        guard
          matches(p.red, color.red) && matches(p.green, color.green) && matches(p.blue, color.blue)
        else { continue }
        (x0, y0, x1, y1) = (min(x0, x), min(y0, y), max(x1, x + 1), max(y1, y + 1))
      }
    }
    return x1 < 0 ? nil : SIMD4(Float(x0), Float(y0), Float(x1), Float(y1))
  }
}

@Suite struct AugmentationTests {
  private let plainColors = AugmentationSettings(mosaic: 0.5, hue: 0, saturation: 0, value: 0)

  @Test(arguments: [1, 3])
  func `A drawn rectangle's pixels fill its transformed box`(scale: Int) throws {
    let fixture = try ScenesFixture(scale: scale)
    // Most pictures are empty, so that a mosaic seldom shows a rectangle twice, side by side.
    try fixture.folder.write(Image(width: 160, height: 160, fill: 0), as: "empty.png")
    let empty = Sample(imagePath: fixture.folder.path("empty.png"), boxes: [], identifier: 9)
    let cache = PictureCache(
      samples: fixture.samples + Array(repeating: empty, count: 20), size: 160)
    var checkedCount = 0
    for epoch in 0..<150 {
      let (image, boxes) = try cache.augmented(
        epoch % 4, seed: 9, epoch: epoch, settings: plainColors)
      for box in boxes {
        let extent = try #require(
          ScenesFixture.extent(image, of: box.classIndex, near: box.corners))
        if extent[2] - extent[0] < 3 || extent[3] - extent[1] < 3 { continue }
        checkedCount += 1
        for i in 0..<4 {
          // A pixel shows the rectangle if its centre does: at most half a pixel off, and a little
          // for the 8 bits of the sampling position; shrunk sources blur their edge by a pixel
          // more.
          let tolerance: Float = scale == 1 ? 0.51 : 1.01
          #expect(abs(extent[i] - box.corners[i]) <= tolerance, "epoch \(epoch), side \(i)")
        }
      }
    }
    #expect(checkedCount > 120)
  }

  @Test func `No augmentation is the letterbox, bit for bit`() throws {
    let fixture = try ScenesFixture(scale: 2)
    let cache = PictureCache(samples: fixture.samples, size: 160)
    for i in 0..<4 {
      let (image, boxes) = try cache.augmented(i, seed: 1, epoch: 2, settings: .none)
      let (expected, letterbox) = try ImageFile.decode(fixture.samples[i].imagePath)
        .letterboxed(to: 160)
      let isEqual = image == expected
      #expect(isEqual)
      let corners = letterbox.toInput(fixture.samples[i].boxes[0].corners)
      for k in 0..<4 { #expect(abs(boxes[0].corners[k] - corners[k]) < 1e-3) }
    }
  }

  @Test func `The same seed, epoch and sample give the same bits, other ones others`() throws {
    let fixture = try ScenesFixture()
    let settings = AugmentationSettings()
    let a = PictureCache(samples: fixture.samples, size: 160)
    let b = PictureCache(samples: fixture.samples, size: 160, byteBudget: 0)
    var different = 0
    for epoch in 0..<5 {
      for sample in 0..<4 {
        let x = try a.augmented(sample, seed: 3, epoch: epoch, settings: settings)
        let y = try b.augmented(sample, seed: 3, epoch: epoch, settings: settings)
        let isEqual = x.image == y.image && x.boxes == y.boxes
        #expect(isEqual)
        let z = try a.augmented(sample, seed: 4, epoch: epoch, settings: settings)
        different += x.image == z.image ? 0 : 1
      }
    }
    #expect(different == 20)
    #expect(a.byteCount > 0 && b.byteCount == 0)
  }

  @Test func `Caches that share a budget keep no more than that together and give back theirs`()
    throws
  {
    let fixture = try ScenesFixture()
    // The four pictures take 3·(160·120 + 120·160 + 160·160 + 160·77) bytes.
    let all = 228_960
    let budget = PictureBudget(byteCount: all + 60_000)
    let first = PictureCache(samples: fixture.samples, size: 160, budget: budget)
    for _ in 0..<2 { for i in 0..<4 { _ = try first.picture(i) } }
    #expect(first.byteCount == all)
    for _ in 0..<2 {
      let second = PictureCache(samples: fixture.samples, size: 160, budget: budget)
      for i in 0..<4 { _ = try second.picture(i) }
      // One of 57,600 bytes; the next ones find too little.
      #expect(second.byteCount == 57_600)
    }
  }

  @Test func `Boxes stay inside, are never slivers and follow a flip`() throws {
    let fixture = try ScenesFixture()
    let cache = PictureCache(samples: fixture.samples, size: 160)
    for epoch in 0..<60 {
      let (_, boxes) = try cache.augmented(
        1, seed: 2, epoch: epoch, settings: AugmentationSettings())
      for box in boxes {
        #expect(box.width > 2 && box.height > 2)
        for i in 0..<4 { #expect(box.corners[i] >= 0 && box.corners[i] <= 160) }
      }
    }
    var flipped = AugmentationSettings.none
    flipped.flip = 1
    let (image, boxes) = try cache.augmented(3, seed: 1, epoch: 0, settings: flipped)
    #expect(boxes[0].corners == [20, 51, 140, 108])
    #expect(ScenesFixture.extent(image, of: 3, near: boxes[0].corners) == [20, 51, 140, 108])
  }

  @Test func `A setting outside its range is named`() {
    var settings = AugmentationSettings()
    #expect(settings.problem == nil)
    settings.flip = 1.5
    #expect(settings.problem?.contains("flip") == true)
    settings = AugmentationSettings(hue: .nan)
    #expect(settings.problem?.contains("hue") == true)
  }
}
