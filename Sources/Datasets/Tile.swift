import Images

/// A picture on the canvas.
struct Tile {
  var picture: FittedPicture
  /// The canvas position of the picture's top left corner, from the canvas' middle.
  var origin: SIMD2<Double>
  /// What of the canvas the picture covers, `x0, y0, x1, y1`.
  var region: SIMD4<Double>

  /// The picture alone, padded as the letterbox says.
  static func letterboxed(_ picture: FittedPicture, size: Int) -> Tile {
    let half = Double(size) / 2
    let origin = SIMD2(
      Double(picture.letterbox.padX) - half, Double(picture.letterbox.padY) - half)
    return Tile(picture: picture, origin: origin, bound: half)
  }

  /// One of a mosaic's four (see `Placement.pictures`), a corner of it at `meeting`, cut at a
  /// canvas of twice the size.
  static func mosaic(
    _ picture: FittedPicture, quarter: Int, meeting: SIMD2<Double>, size: Int
  ) -> Tile {
    let image = picture.image
    let origin = SIMD2(
      quarter % 2 == 0 ? meeting[0] - Double(image.width) : meeting[0],
      quarter < 2 ? meeting[1] - Double(image.height) : meeting[1])
    return Tile(picture: picture, origin: origin, bound: Double(size))
  }

  private init(picture: FittedPicture, origin: SIMD2<Double>, bound: Double) {
    self.picture = picture
    self.origin = origin
    region = SIMD4(
      max(origin[0], -bound), max(origin[1], -bound),
      min(origin[0] + Double(picture.image.width), bound),
      min(origin[1] + Double(picture.image.height), bound))
  }

  /// Draws the tile into a `size`×`size` output under `placement`, sampled bilinearly.
  ///
  /// The mapping keeps rows rows and columns columns, so an output row is first blended from two
  /// source rows (8.8 bits), then each pixel from two of its columns.
  func draw(
    _ placement: Placement, size: Int, into target: UnsafeMutablePointer<UInt8>,
    scratch: inout TileScratch
  ) {
    let image = picture.image
    scratch.columns.set(
      size: size, scale: placement.scale, shift: placement.shift[0], isFlipped: placement.isFlipped,
      region: (region[0], region[2]), origin: origin[0], extent: image.width)
    scratch.rows.set(
      size: size, scale: placement.scale, shift: placement.shift[1], isFlipped: false,
      region: (region[1], region[3]), origin: origin[1], extent: image.height)
    guard let one = scratch.columns.positions.first, let other = scratch.columns.positions.last
    else { return }
    let stride = image.width * 3
    let used = (Int(min(one, other)) * 3)..<min(stride, (Int(max(one, other)) + 2) * 3)
    // Beyond the last column lie its right neighbour, at weight 0, and the place that four lanes of
    // three channels read too much.
    if scratch.blended.count < stride + 4 {
      scratch.blended = [UInt16](repeating: 0, count: stride + 4)
    }
    let (columns, rows) = (scratch.columns, scratch.rows)
    image.pixels.withUnsafeBufferPointer { source in
      scratch.blended.withUnsafeMutableBufferPointer { blended in
        for (i, y) in rows.outputs.enumerated() {
          let upper = source.baseAddress! + Int(rows.positions[i]) * stride
          let lower = rows.weights[i] == 0 ? upper : upper + stride
          let weight = UInt16(rows.weights[i])
          let row = blended.baseAddress!
          for k in used {
            row[k] = UInt16(upper[k]) &* (256 &- weight) &+ UInt16(lower[k]) &* weight
          }
          columns.blend(row, into: target + y * size * 3)
        }
      }
    }
  }

  /// Appends the tile's boxes in the output, without those of which too little is left.
  func appendBoxes(_ placement: Placement, size: Int, to boxes: inout [LabeledBox]) {
    let S = Float(size)
    let scale = Float(placement.scale)
    let visible = SIMD4<Float>(region)
    let shift = SIMD4<Float>(
      Float(placement.shift[0]), Float(placement.shift[1]), Float(placement.shift[0]),
      Float(placement.shift[1]))
    let corner = SIMD4<Float>(
      Float(origin[0]), Float(origin[1]), Float(origin[0]), Float(origin[1]))
    for box in picture.boxes {
      var c = box.corners + corner
      for (low, high) in [(0, 2), (1, 3)] {
        c[low] = max(c[low], visible[low])
        c[high] = min(c[high], visible[high])
      }
      c = c * scale + shift
      if placement.isFlipped { (c[0], c[2]) = (S - c[2], S - c[0]) }
      for i in 0..<4 { c[i] = min(max(c[i], 0), S) }
      let result = LabeledBox(classIndex: box.classIndex, corners: c)
      if result.isWorthKeeping(wholeArea: box.area * scale * scale) { boxes.append(result) }
    }
  }
}

extension LabeledBox {
  /// Larger than 2 pixels both ways, at least a tenth of the whole box left, and no sliver.
  fileprivate func isWorthKeeping(wholeArea: Float) -> Bool {
    width > 2 && height > 2 && area > 0.1 * wholeArea && width < 100 * height
      && height < 100 * width
  }
}
