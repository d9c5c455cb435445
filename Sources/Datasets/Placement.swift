import Tensors

/// The random choices for one training picture. A pure function of (seed, epoch, sample).
struct Placement {
  /// Data-set positions of the pictures: one, or the four of a mosaic (top left, top right, bottom
  /// left, bottom right; the first is the sample itself).
  var pictures: [Int]
  /// Where the four meet, relative to the middle of the canvas, in pixels.
  var meeting: SIMD2<Double>
  /// `output = canvas · scale + shift`, both in pixels, canvas coordinates from its middle.
  var scale: Double
  var shift: SIMD2<Double>
  var isFlipped: Bool
  var color: ColorShift

  /// Every number is drawn whether it is needed or not, so that one setting does not change what
  /// another one does.
  init(
    seed: UInt64, epoch: Int, sample: Int, sampleCount: Int, size: Int,
    settings: AugmentationSettings
  ) {
    var generator = Philox(seed: seed, stream: UInt64(epoch), position: UInt64(sample))
    let S = Float(size)
    let isMosaic = generator.uniform() < settings.mosaic
    // The middle half of a canvas of twice the size.
    let meetingX = generator.uniform(-0.5, 0.5) * S
    let meetingY = generator.uniform(-0.5, 0.5) * S
    let others = (0..<3).map { _ in generator.integer(below: sampleCount) }
    pictures = isMosaic ? [sample] + others : [sample]
    meeting = [Double(meetingX), Double(meetingY)]
    scale = Double(generator.uniform(1 - settings.scale, 1 + settings.scale))
    let shiftX = generator.uniform(0.5 - settings.translate, 0.5 + settings.translate) * S
    let shiftY = generator.uniform(0.5 - settings.translate, 0.5 + settings.translate) * S
    shift = [Double(shiftX), Double(shiftY)]
    isFlipped = generator.uniform() < settings.flip
    color = ColorShift(
      hue: generator.uniform(-1, 1) * settings.hue,
      saturation: 1 + generator.uniform(-1, 1) * settings.saturation,
      value: 1 + generator.uniform(-1, 1) * settings.value)
  }
}
