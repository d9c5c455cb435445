import Tensors

/// Smooth value noise in 0 … 1 that repeats every 256 cells.
final class NoiseTile {
  private let values: UnsafeMutablePointer<Float>

  init(seed: UInt64, stream: UInt64, position: UInt64) {
    values = .allocate(capacity: 1 << 16)
    let key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    // One block gives four words, each word two values of 16 bits.
    for block in 0..<(1 << 13) {
      let words = Philox.block(
        counter: SIMD4(
          UInt32(block), UInt32(stream), UInt32(truncatingIfNeeded: position),
          UInt32(truncatingIfNeeded: position >> 32)), key: key)
      for lane in 0..<4 {
        values[block * 8 + lane * 2] = Float(words[lane] & 0xFFFF) * 0x1p-16
        values[block * 8 + lane * 2 + 1] = Float(words[lane] >> 16) * 0x1p-16
      }
    }
  }

  deinit { values.deallocate() }

  /// The noise at (x, y): bilinear between the cells' corners.
  @inline(__always)
  func callAsFunction(_ x: Float, _ y: Float) -> Float {
    let fx = x.rounded(.down)
    let fy = y.rounded(.down)
    let (u, v) = (x - fx, y - fy)
    let column = Int(fx) & 255
    let nextColumn = (column &+ 1) & 255
    let row = (Int(fy) & 255) << 8
    let nextRow = (row &+ 256) & 0xFF00
    let top = values[row &+ column] * (1 - u) + values[row &+ nextColumn] * u
    let bottom = values[nextRow &+ column] * (1 - u) + values[nextRow &+ nextColumn] * u
    return top * (1 - v) + bottom * v
  }

  /// Three octaves, 0 … 1.
  @inline(__always)
  func layered(_ x: Float, _ y: Float) -> Float {
    self(x, y) * 0.5 + self(x * 2.03 + 17, y * 2.03 + 5) * 0.3
      + self(x * 4.1 + 3, y * 4.1 + 41) * 0.2
  }
}
