/// For the outputs along one axis that show a tile: which source pixel, and how much of the next.
package struct AxisSamples {
  /// A contiguous run.
  package private(set) var outputs: Range<Int> = 0..<0
  /// Rising, or falling where the axis is flipped.
  package private(set) var positions: [Int32] = []
  /// Of `position + 1`, in 1/256. Zero for the last pixel.
  package private(set) var weights: [Int32] = []

  package init() {}

  /// Makes them anew, in the memory there is.
  package mutating func set(
    size: Int, scale: Double, shift: Double, isFlipped: Bool, region: (Double, Double),
    origin: Double, extent: Int
  ) {
    outputs = 0..<0
    positions.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
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
  ///
  /// Four channels at a time: the fourth is the next pixel's first, and is written over by that. Reads
  /// `row` up to the fourth channel of `p + 1`.
  package func blend(_ row: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<UInt8>) {
    guard outputs.count > 0 else { return }
    positions.withUnsafeBufferPointer { positions in
      weights.withUnsafeBufferPointer { weights in
        var out = UnsafeMutableRawPointer(target + outputs.lowerBound * 3)
        let last = positions.count - 1
        for i in 0..<last {
          out.storeBytes(
            of: Self.blended(row + Int(positions[i]) * 3, weight: weights[i]),
            as: SIMD4<UInt8>.self)
          out += 3
        }
        let pixel = Self.blended(row + Int(positions[last]) * 3, weight: weights[last])
        for c in 0..<3 { out.storeBytes(of: pixel[c], toByteOffset: c, as: UInt8.self) }
      }
    }
  }

  /// left · (256 - w) + right · w = left · 256 + (right - left) · w: the same integer, one product.
  @inline(__always)
  private static func blended(_ pixel: UnsafePointer<UInt16>, weight: Int32) -> SIMD4<UInt8> {
    let left = channels(pixel)
    let right = channels(pixel + 3)
    let half = SIMD4<UInt32>(repeating: 1 << 15)
    let share = SIMD4<UInt32>(repeating: UInt32(truncatingIfNeeded: weight))
    let sum = left &<< 8 &+ (right &- left) &* share &+ half
    return SIMD4<UInt8>(truncatingIfNeeded: sum &>> 16)
  }

  @inline(__always)
  private static func channels(_ pixel: UnsafePointer<UInt16>) -> SIMD4<UInt32> {
    SIMD4<UInt32>(
      truncatingIfNeeded: UnsafeRawPointer(pixel).loadUnaligned(as: SIMD4<UInt16>.self))
  }

  /// `blend`, one channel after another: the plain version for its test.
  package func referenceBlend(
    _ row: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<UInt8>
  ) {
    for (i, x) in outputs.enumerated() {
      for c in 0..<3 {
        let left = UInt32(row[Int(positions[i]) * 3 + c])
        let right = UInt32(row[Int(positions[i]) * 3 + 3 + c])
        let weight = UInt32(weights[i])
        target[x * 3 + c] = UInt8((left * (256 - weight) + right * weight + 1 << 15) >> 16)
      }
    }
  }
}

/// What drawing a tile needs besides the tile; kept from one to the next, for its memory.
struct TileScratch {
  var columns = AxisSamples()
  var rows = AxisSamples()
  /// A row of the picture, in 8.8 bits.
  var blended: [UInt16] = []
}
