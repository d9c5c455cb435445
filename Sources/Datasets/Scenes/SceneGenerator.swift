public import Images
import Tensors

/// What a synthetic scene shows.
public enum SceneKind: String, CaseIterable, Sendable, Codable {
  /// Bays of a parking lot, `empty` or `occupied`.
  case parkingLot = "parking-lot"
  /// People in streets and squares.
  case pedestrians

  /// The classes of the boxes, by class index.
  public var classNames: [String] {
    switch self {
    case .parkingLot: ["empty", "occupied"]
    case .pedestrians: ["person"]
    }
  }

  /// The Philox streams of a kind start here; there are fewer than 16 of them.
  fileprivate var firstStream: UInt64 { self == .parkingLot ? 0x5C00 : 0x5C10 }
}

/// A drawn picture with what is to be found in it.
public struct Scene: Sendable {
  public var image: Image
  /// All within the picture.
  public var boxes: [LabeledBox]
  public var classNames: [String]
  /// The quality a JPEG of this picture should be written with: cameras differ in that, too.
  public var jpegQuality: Int
}

/// Draws scenes to learn from: perspective, occlusion, shadows, light, weather, noise.
///
/// A scene is a pure function of (kind, seed, index, size): whoever asks for it, in whatever order,
/// gets the same bytes on the same kind of machine.
public struct SceneGenerator: Sendable {
  public let kind: SceneKind
  public let seed: UInt64
  public let size: ImageSize

  /// Counts how often the drawing has changed: other revisions give other pictures.
  public static let revision = 1

  /// The sides a picture may have. *Units:* pixels.
  public static let sides = 64...4096

  public init(
    kind: SceneKind, seed: UInt64, size: ImageSize = ImageSize(width: 640, height: 480)
  ) {
    precondition(
      Self.sides.contains(size.width) && Self.sides.contains(size.height),
      "a scene of \(size); each side must be \(Self.sides.lowerBound) … \(Self.sides.upperBound)")
    self.kind = kind
    self.seed = seed
    self.size = size
  }

  /// The scene with the number `index` ≥ 0.
  public func scene(index: Int) -> Scene {
    precondition(index >= 0, "scene \(index)")
    let position = UInt64(index)
    var random = Philox(seed: seed, stream: kind.firstStream, position: position)
    let noise = NoiseTile(seed: seed, stream: kind.firstStream + 1, position: position)
    let canvas = SceneCanvas(width: size.width, height: size.height)
    let (stage, boxes) =
      switch kind {
      case .parkingLot: ParkingLotScene.draw(on: canvas, noise: noise, using: &random)
      case .pedestrians: PedestrianScene.draw(on: canvas, noise: noise, using: &random)
      }
    stage.drawRain(using: &random)
    let image = stage.develop(
      key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)),
      stream: UInt32(kind.firstStream + 2), position: position, using: &random)
    let quality = 68 + random.integer(below: 28)
    return Scene(
      image: image, boxes: boxes, classNames: kind.classNames, jpegQuality: quality)
  }
}
