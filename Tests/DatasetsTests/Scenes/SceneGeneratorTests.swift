import Datasets
import Images
import Testing

@Suite struct SceneGeneratorTests {
  private static let small = ImageSize(width: 320, height: 240)

  @Test(arguments: SceneKind.allCases)
  func `the same seed and index give the same picture and boxes, in any order`(kind: SceneKind) {
    let generator = SceneGenerator(kind: kind, seed: 7, size: Self.small)
    let first = (0..<4).map { generator.scene(index: $0) }
    let again = (0..<4).reversed().map {
      SceneGenerator(kind: kind, seed: 7, size: Self.small).scene(index: $0)
    }
    for (a, b) in zip(first, again.reversed()) {
      #expect(a.image == b.image)
      #expect(a.boxes == b.boxes)
      #expect(a.jpegQuality == b.jpegQuality)
    }
  }

  @Test(arguments: SceneKind.allCases)
  func `another index or another seed gives another picture`(kind: SceneKind) {
    let generator = SceneGenerator(kind: kind, seed: 7, size: Self.small)
    let pictures = (0..<4).map { generator.scene(index: $0).image }
    for i in 0..<4 {
      for j in 0..<i { #expect(pictures[i] != pictures[j]) }
    }
    let other = SceneGenerator(kind: kind, seed: 8, size: Self.small).scene(index: 0).image
    #expect(other != pictures[0])
  }

  @Test(arguments: SceneKind.allCases)
  func `boxes lie in the picture, are not slivers, and are as many as such scenes have`(
    kind: SceneKind
  ) {
    let generator = SceneGenerator(kind: kind, seed: 3, size: Self.small)
    var count = 0
    var perClass = [Int](repeating: 0, count: kind.classNames.count)
    for index in 0..<40 {
      let scene = generator.scene(index: index)
      #expect(scene.image.size == Self.small)
      #expect(scene.classNames == kind.classNames)
      #expect((1...100).contains(scene.jpegQuality))
      for box in scene.boxes {
        #expect(box.corners[0] >= 0 && box.corners[1] >= 0)
        #expect(box.corners[2] <= 320 && box.corners[3] <= 240)
        #expect(box.width > 1 && box.height > 3)
        perClass[box.classIndex] += 1
      }
      #expect(scene.boxes.count <= 80)
      count += scene.boxes.count
    }
    // On average a handful of people and a dozen bays; no class is rare.
    #expect(count >= 40 * 3)
    for number in perClass { #expect(number * 5 >= count) }
  }

  @Test(arguments: SceneKind.allCases)
  func `pictures have light, dark and colour`(kind: SceneKind) {
    let generator = SceneGenerator(kind: kind, seed: 5, size: Self.small)
    for index in 0..<12 {
      let pixels = generator.scene(index: index).image.pixels
      let mean = pixels.reduce(0) { $0 + Double($1) } / Double(pixels.count)
      #expect(mean > 12 && mean < 215, "scene \(index) has a mean of \(mean)")
      let spread =
        pixels.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(pixels.count)
      #expect(spread > 60, "scene \(index) has a variance of \(spread)")
    }
  }

  @Test func `an occupied bay shows something else than asphalt`() throws {
    // In bays the mean gradient of occupied ones (cars, edges, windows) exceeds that of empty ones.
    let generator = SceneGenerator(kind: .parkingLot, seed: 11)
    var edges = [Double](repeating: 0, count: 2)
    var areas = [Double](repeating: 0, count: 2)
    for index in 0..<12 {
      let scene = generator.scene(index: index)
      for box in scene.boxes {
        let (x0, y0) = (Int(box.corners[0]), Int(box.corners[1]))
        let (x1, y1) = (min(Int(box.corners[2]), 638), min(Int(box.corners[3]), 478))
        for y in y0..<max(y1, y0) {
          for x in x0..<max(x1, x0) {
            let (a, b) = (scene.image[x, y], scene.image[x + 1, y])
            edges[box.classIndex] += abs(Double(a.green) - Double(b.green))
            areas[box.classIndex] += 1
          }
        }
      }
    }
    try #require(areas[0] > 0 && areas[1] > 0)
    #expect(edges[1] / areas[1] > 1.1 * edges[0] / areas[0])
  }

  @Test(arguments: SceneKind.allCases)
  func `odd and extreme sizes are drawn too`(kind: SceneKind) {
    for size in [
      ImageSize(width: 64, height: 64), ImageSize(width: 333, height: 127),
      ImageSize(width: 65, height: 640),
    ] {
      let generator = SceneGenerator(kind: kind, seed: 1, size: size)
      for index in 0..<3 {
        let scene = generator.scene(index: index)
        #expect(scene.image.size == size)
        for box in scene.boxes {
          #expect(box.corners[2] <= Float(size.width) && box.corners[3] <= Float(size.height))
        }
      }
    }
  }
}
