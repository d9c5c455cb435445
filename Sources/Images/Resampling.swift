extension Image {
  /// The picture at another size, width and height scaled each on its own.
  public func resized(to size: ImageSize) -> Image {
    resampled(
      scaleX: Double(size.width) / Double(width), scaleY: Double(size.height) / Double(height),
      to: size)
  }

  /// The picture under `x' = x · scale`, cut or continued (with its last pixels) to `size`.
  ///
  /// A triangle filter: bilinear when growing; when shrinking as wide as `1/scale` source pixels on
  /// either side, so that nothing aliases. 14-bit integer weights; the bits are the same
  /// everywhere.
  public func resampled(scaleX: Double, scaleY: Double, to size: ImageSize) -> Image {
    precondition(scaleX > 0 && scaleY > 0, "scale \(scaleX), \(scaleY)")
    precondition(size.width > 0 && size.height > 0, "a picture of \(size)")
    if scaleX == 1 && scaleY == 1 && size == self.size { return self }
    let columns = FilterTaps(inputCount: width, outputCount: size.width, scale: scaleX)
    let rows = FilterTaps(inputCount: height, outputCount: size.height, scale: scaleY)
    let stride = width * 3
    var sums = [Int32](repeating: 0, count: stride)
    let result = [UInt8](unsafeUninitializedCapacity: size.width * size.height * 3) {
      target, count in
      pixels.withUnsafeBufferPointer { source in
        sums.withUnsafeMutableBufferPointer { sums in
          for y in 0..<size.height {
            rows.blendRows(y, of: source.baseAddress!, stride: stride, into: sums.baseAddress!)
            columns.blendColumns(
              of: sums.baseAddress!, into: target.baseAddress! + y * size.width * 3)
          }
        }
      }
      count = size.width * size.height * 3
    }
    return Image(width: size.width, height: size.height, pixels: result)
  }
}

/// For each output position the source positions it is blended of, and their weights, which sum to
/// 2¹⁴.
private struct FilterTaps {
  var starts: [Int]
  var tapCount: Int
  /// `[outputCount, tapCount]`
  var weights: [Int32]

  init(inputCount: Int, outputCount: Int, scale: Double) {
    let radius = max(1, 1 / scale)
    tapCount = min(inputCount, Int((2 * radius).rounded(.up)) + 1)
    starts = []
    starts.reserveCapacity(outputCount)
    weights = [Int32](repeating: 0, count: outputCount * tapCount)
    for o in 0..<outputCount {
      let centre = min((Double(o) + 0.5) / scale, Double(inputCount) - 0.5)
      let first = Int((centre - radius).rounded(.down))
      let start = min(max(first, 0), inputCount - tapCount)
      starts.append(start)
      func share(_ t: Int) -> Double {
        max(0, 1 - abs(Double(start + t) + 0.5 - centre) / radius)
      }
      var total = 0.0
      for t in 0..<tapCount { total += share(t) }
      // Rounding the running sum keeps every weight ≥ 0 and their sum exact: flat stays flat.
      var (sum, given) = (0.0, Int32(0))
      for t in 0..<tapCount {
        sum += share(t) / total
        let rounded = t == tapCount - 1 ? 1 << 14 : min(1 << 14, Int32((sum * 16384).rounded()))
        weights[o * tapCount + t] = rounded - given
        given = rounded
      }
    }
  }

  /// `sums[i] = Σ_t weight[t] · row[start + t][i] / 2⁶`: one output row, in 8.8 bits.
  func blendRows(
    _ y: Int, of source: UnsafePointer<UInt8>, stride: Int, into sums: UnsafeMutablePointer<Int32>
  ) {
    for i in 0..<stride { sums[i] = 1 << 5 }
    for t in 0..<tapCount {
      let weight = weights[y * tapCount + t]
      if weight == 0 { continue }
      let row = source + (starts[y] + t) * stride
      for i in 0..<stride { sums[i] &+= weight &* Int32(row[i]) }
    }
    for i in 0..<stride { sums[i] >>= 6 }
  }

  /// `target[x] = Σ_t weight[t] · sums[start + t] / 2²²`, rounded, for the three channels.
  func blendColumns(of sums: UnsafePointer<Int32>, into target: UnsafeMutablePointer<UInt8>) {
    weights.withUnsafeBufferPointer { weights in
      for x in 0..<starts.count {
        var pixel = sums + starts[x] * 3
        var (red, green, blue): (Int32, Int32, Int32) = (1 << 21, 1 << 21, 1 << 21)
        for t in (x * tapCount)..<((x + 1) * tapCount) {
          red &+= weights[t] &* pixel[0]
          green &+= weights[t] &* pixel[1]
          blue &+= weights[t] &* pixel[2]
          pixel += 3
        }
        // The weights sum to exactly 2¹⁴ and none is negative: no value leaves 0 … 255.
        target[3 * x] = UInt8(truncatingIfNeeded: red >> 22)
        target[3 * x + 1] = UInt8(truncatingIfNeeded: green >> 22)
        target[3 * x + 2] = UInt8(truncatingIfNeeded: blue >> 22)
      }
    }
  }
}
