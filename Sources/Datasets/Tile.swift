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
  func draw(_ placement: Placement, size: Int, into target: UnsafeMutablePointer<UInt8>) {
    let columns = AxisSamples(
      size: size, scale: placement.scale, shift: placement.shift[0], isFlipped: placement.isFlipped,
      region: (region[0], region[2]), origin: origin[0], extent: picture.image.width)
    let rows = AxisSamples(
      size: size, scale: placement.scale, shift: placement.shift[1], isFlipped: false,
      region: (region[1], region[3]), origin: origin[1], extent: picture.image.height)
    guard let firstColumn = columns.positions.min(), let lastColumn = columns.positions.max()
    else { return }
    let image = picture.image
    let stride = image.width * 3
    // One pixel more than there are: the right neighbour of the last column, at weight 0.
    var blended = [UInt16](repeating: 0, count: stride + 3)
    let used = (Int(firstColumn) * 3)..<min(stride, (Int(lastColumn) + 2) * 3)
    image.pixels.withUnsafeBufferPointer { source in
      blended.withUnsafeMutableBufferPointer { blended in
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

  /// The tile's boxes in the output, without those of which too little is left.
  func boxes(_ placement: Placement, size: Int) -> [LabeledBox] {
    let S = Float(size)
    let scale = Float(placement.scale)
    let visible = SIMD4<Float>(region)
    let shift = SIMD4<Float>(
      Float(placement.shift[0]), Float(placement.shift[1]), Float(placement.shift[0]),
      Float(placement.shift[1]))
    let corner = SIMD4<Float>(
      Float(origin[0]), Float(origin[1]), Float(origin[0]), Float(origin[1]))
    return picture.boxes.compactMap { box in
      var c = box.corners + corner
      for (low, high) in [(0, 2), (1, 3)] {
        c[low] = max(c[low], visible[low])
        c[high] = min(c[high], visible[high])
      }
      c = c * scale + shift
      if placement.isFlipped { (c[0], c[2]) = (S - c[2], S - c[0]) }
      for i in 0..<4 { c[i] = min(max(c[i], 0), S) }
      let result = LabeledBox(classIndex: box.classIndex, corners: c)
      return result.isWorthKeeping(wholeArea: box.area * scale * scale) ? result : nil
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

/// For the outputs along one axis that show a tile: which source pixel, and how much of the next.
private struct AxisSamples {
  /// A contiguous run.
  var outputs: Range<Int> = 0..<0
  var positions: [Int32] = []
  /// Of `position + 1`, in 1/256. Zero for the last pixel.
  var weights: [Int32] = []

  init(
    size: Int, scale: Double, shift: Double, isFlipped: Bool, region: (Double, Double),
    origin: Double, extent: Int
  ) {
    positions.reserveCapacity(size)
    weights.reserveCapacity(size)
    for i in 0..<size {
      let output = isFlipped ? Double(size) - (Double(i) + 0.5) : Double(i) + 0.5
      let canvas = (output - shift) / scale
      guard canvas >= region.0 && canvas < region.1 else { continue }
      if positions.isEmpty { outputs = i..<i }
      outputs = outputs.lowerBound..<(i + 1)
      // 8 bits of fraction; a centre before the first pixel's or after the last one's shows that
      // pixel.
      let fixed = Int32(((canvas - origin - 0.5) * 256).rounded())
      let clamped = min(max(fixed, 0), Int32(extent - 1) * 256)
      positions.append(clamped >> 8)
      weights.append(clamped & 255)
    }
  }

  /// `target[x] = (row[p] · (256 - w) + row[p + 1] · w) / 2¹⁶`, rounded, for the three channels.
  func blend(_ row: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<UInt8>) {
    positions.withUnsafeBufferPointer { positions in
      weights.withUnsafeBufferPointer { weights in
        var out = target + outputs.lowerBound * 3
        for i in 0..<positions.count {
          let pixel = row + Int(positions[i]) * 3
          let right = UInt32(truncatingIfNeeded: weights[i])
          let left = 256 &- right
          for c in 0..<3 {
            let sum = UInt32(pixel[c]) &* left &+ UInt32(pixel[c + 3]) &* right &+ 1 << 15
            out[c] = UInt8(truncatingIfNeeded: sum >> 16)
          }
          out += 3
        }
      }
    }
  }
}
