public import Images

extension PictureCache {
  /// The training picture of a sample: mosaic, scale, shift, flip and colour, as a pure function of
  /// (`seed`, `epoch`, `sample`), whatever rank or thread asks.
  ///
  /// - Returns: a `size`×`size` picture and its boxes in its pixels.
  public func augmented(
    _ sample: Int, seed: UInt64, epoch: Int, settings: AugmentationSettings
  ) throws(DataError) -> (image: Image, boxes: [LabeledBox]) {
    var image = Image(width: size, height: size, fill: paddingGray)
    // The closure cannot carry a typed throw through the standard library's rethrow.
    var scratch = TileScratch()
    let result = image.pixels.withUnsafeMutableBufferPointer { target in
      Result { () throws(DataError) in
        try augment(
          sample, seed: seed, epoch: epoch, settings: settings, into: target.baseAddress!,
          scratch: &scratch)
      }
    }
    return (image, try result.get())
  }

  /// Draws the training picture over a canvas of padding gray; returns its boxes.
  func augment(
    _ sample: Int, seed: UInt64, epoch: Int, settings: AugmentationSettings,
    into target: UnsafeMutablePointer<UInt8>, scratch: inout TileScratch
  ) throws(DataError) -> [LabeledBox] {
    let placement = Placement(
      seed: seed, epoch: epoch, sample: sample, sampleCount: samples.count, size: size,
      settings: settings)
    var boxes: [LabeledBox] = []
    for (quarter, index) in placement.pictures.enumerated() {
      let picture = try picture(index)
      let tile =
        placement.pictures.count == 1
        ? Tile.letterboxed(picture, size: size)
        : Tile.mosaic(picture, quarter: quarter, meeting: placement.meeting, size: size)
      tile.draw(placement, size: size, into: target, scratch: &scratch)
      tile.appendBoxes(placement, size: size, to: &boxes)
    }
    placement.color.apply(to: target, pixelCount: size * size)
    return boxes
  }
}
