extension Recipe {
  /// `augmentation`: how training pictures are varied. Validation pictures never are.
  public struct Augmentation: Codable, Sendable, Hashable {
    /// Probability that a sample is put together from four pictures.
    public var mosaic = 1.0
    /// Mosaic is off in this many last float epochs, and in all QAT epochs.
    public var closeMosaicEpochs = 10
    /// Largest change of hue, as a fraction of the colour circle, and of saturation and value, as
    /// a fraction of themselves.
    public var hsvHue = 0.015
    public var hsvSaturation = 0.7
    public var hsvValue = 0.4
    /// Probability of a left-right flip.
    public var flip = 0.5
    /// A picture is scaled by a factor in 1 ± scale.
    public var scale = 0.5
    /// A picture is moved by up to this fraction of its side.
    public var translate = 0.1

    static let fields: [RecipeField] = [
      .number("augmentation.mosaic", \.augmentation.mosaic, 0...1),
      .integer("augmentation.closeMosaicEpochs", \.augmentation.closeMosaicEpochs, 0...1_000_000),
      .number("augmentation.hsvHue", \.augmentation.hsvHue, 0...0.5),
      .number("augmentation.hsvSaturation", \.augmentation.hsvSaturation, 0...1),
      .number("augmentation.hsvValue", \.augmentation.hsvValue, 0...1),
      .number("augmentation.flip", \.augmentation.flip, 0...1),
      .number("augmentation.scale", \.augmentation.scale, 0...0.95),
      .number("augmentation.translate", \.augmentation.translate, 0...1),
    ]
  }
}
