/// How training pictures are varied. Part of the recipe.
public struct AugmentationSettings: Hashable, Sendable, Codable {
  /// The probability that a picture is put together with three others.
  public var mosaic: Float
  /// The largest shift of the hue, as a fraction of the colour circle.
  public var hue: Float
  /// Saturation and value are multiplied by a factor from `1 - x ... 1 + x`.
  public var saturation: Float
  public var value: Float
  /// The probability of mirroring left and right.
  public var flip: Float
  /// The size is multiplied by a factor from `1 - x ... 1 + x`.
  public var scale: Float
  /// The shift, up to this fraction of the input's side either way.
  public var translate: Float

  public init(
    mosaic: Float = 1, hue: Float = 0.015, saturation: Float = 0.7, value: Float = 0.4,
    flip: Float = 0.5, scale: Float = 0.5, translate: Float = 0.1
  ) {
    self.mosaic = mosaic
    self.hue = hue
    self.saturation = saturation
    self.value = value
    self.flip = flip
    self.scale = scale
    self.translate = translate
  }

  /// The plain letterboxed picture.
  public static let none = AugmentationSettings(
    mosaic: 0, hue: 0, saturation: 0, value: 0, flip: 0, scale: 0, translate: 0)

  /// The first setting that lies outside its range, as a sentence; `nil` if all is well.
  public var problem: String? {
    let ranges: [(name: String, value: Float, upper: Float)] = [
      ("mosaic", mosaic, 1), ("hue", hue, 0.5), ("saturation", saturation, 1), ("value", value, 1),
      ("flip", flip, 1), ("scale", scale, 0.9), ("translate", translate, 0.9),
    ]
    return ranges.first { !($0.value >= 0 && $0.value <= $0.upper) }.map {
      "augmentation \($0.name) is \($0.value), expected 0 … \($0.upper)"
    }
  }
}
