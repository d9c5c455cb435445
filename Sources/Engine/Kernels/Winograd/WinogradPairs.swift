import CLanes
import Tensors

/// The forward pass on bytes, `y = weight ∗ (x - zeroPoint)` as FP32 numbers, by Winograd's F(2×2, 3×3) in
/// integers: exact.
///
/// With `2G` in place of `G` the transformed weights are whole numbers and every output is four times
/// too large. A transformed pixel is at most 4·255 and a transformed weight 9·127, both within 16 bits;
/// `C` products of them stay within 32 bits, and so does four times an output, for up to 1,840 channels.
final class WinogradPairs: ConvolutionPass {
  static let name = "edgewise:winograd-pairs"
  static let channelLimit = 1840

  private let tiles: WinogradTiles
  private let H, W, C, O: Int
  private let x: UnsafePointer<UInt8>
  private let zeroPoint: UnsafePointer<Int32>
  private let weight: UnsafePointer<Int8>
  private let y: UnsafeMutablePointer<Float>
  /// `[ξ][blocks of 16 outputs][C/2][16][2]`.
  private let transformed: AlignedBuffer
  /// The picture less its zero point; around it zeros, up to the last tile's pixels, which are there from
  /// the beginning.
  private let padded: AlignedBuffer
  private let scratch: SharedScratch

  init(_ g: Convolution.Geometry, _ memory: Convolution.Memory, _ scratch: SharedScratch) {
    precondition(g.isWinograd && g.C <= Self.channelLimit && memory.x.isDense, "\(g)")
    tiles = WinogradTiles(N: 1, H: g.H, W: g.W)
    (H, W, C, O) = (g.H, g.W, g.C, g.O)
    pictures = g.N
    x = UnsafePointer(memory.x.base.assumingMemoryBound(to: UInt8.self))
    zeroPoint = UnsafePointer(memory.zeroPoint!)
    weight = UnsafePointer(memory.integerWeight!)
    y = memory.y
    transformed = AlignedBuffer(byteCount: 16 * C * O * 2)
    padded = AlignedBuffer(byteCount: (2 * tiles.rows + 2) * (2 * tiles.columns + 2) * C * 2)
    self.scratch = scratch
    scratch.reserve(
      byteCount: 16 * tiles.place(channels: C) * 2 + 16 * tiles.place(channels: O) * 4 + O * 4)
  }

  private let pictures: Int

  var byteCount: Int { transformed.byteCount + padded.byteCount }

  func prepareWeights() {
    let u = transformed.base.assumingMemoryBound(to: Int16.self)
    for block in 0..<O / 16 {
      clanes_winograd_weights_i16(
        weight + block * 16 * C * 9, C * 9, 9, C, u + block * C * 16, C * O)
    }
  }

  func run() {
    let (C, O, tiles) = (C, O, tiles)
    let (sourcePlace, targetPlace) = (tiles.place(channels: C), tiles.place(channels: O))
    let u = UnsafePointer(transformed.base.assumingMemoryBound(to: Int16.self))
    let v = scratch.base.assumingMemoryBound(to: Int16.self)
    let m = UnsafeMutableRawPointer(v + 16 * sourcePlace).assumingMemoryBound(to: Int32.self)
    let outside = UnsafeMutableRawPointer(m + 16 * targetPlace)
      .assumingMemoryBound(to: Float.self)
    let pixels = padded.base.assumingMemoryBound(to: Int16.self)
    let row = (2 * tiles.columns + 2) * C
    for n in 0..<pictures {
      pad(x + n * H * W * C, pixels + row + C, row)
      let y = y + n * H * W * O
      tiles.forEachBlock { first, count in
        tiles.forEach(from: first, count) { i, _, h, w in
          clanes_winograd_source_i16(pixels + h * row + w * C, row, C, C, v + i * C, sourcePlace)
        }
        for element in 0..<16 {
          for block in 0..<O / 16 {
            clanes_pair_product_rows(
              v + element * sourcePlace, C, u + (element * O + block * 16) * C, C / 2,
              m + element * targetPlace + block * 16, O, count)
          }
        }
        tiles.forEach(from: first, count) { i, _, h, w in
          let (y00, y01, y10, y11) = tiles.outputs(y, C: O, n: 0, h: h, w: w, outside: outside)
          clanes_winograd_target_i32(m + i * O, targetPlace, O, y00, y01, y10, y11)
        }
      }
    }
  }

  @inline(__always)
  private func pad(_ x: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<Int16>, _ row: Int) {
    let zero = Int16(zeroPoint.pointee)
    for h in 0..<H {
      let (source, line) = (x + h * W * C, target + h * row)
      for i in 0..<W * C { line[i] = Int16(source[i]) &- zero }
    }
  }
}
