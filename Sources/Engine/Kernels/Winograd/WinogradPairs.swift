import CLanes
import Tensors

/// The forward pass on bytes, `y = weight ∗ (x - zeroPoint)` as FP32 numbers, by Winograd's F(2×2, 3×3) in
/// integers: exact.
///
/// With `2G` in place of `G` the transformed weights are whole numbers and every output is four times
/// too large. A transformed pixel is at most 4·255 and a transformed weight 9·127, both within 16 bits;
/// `C` products of them stay within 32 bits, and so does four times an output, for up to 1,840 channels.
final class WinogradPairs: ConvolutionPass {
  static let name = "edgewise:winograd2-pairs"
  private static let channelLimit = 1840

  private let tiles: WinogradTiles
  private let pictures, H, W, C, O: Int
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
    precondition(Self.computes(g) && memory.x.isDense, "\(g)")
    tiles = WinogradTiles(N: 1, H: g.H, W: g.W, .two)
    (pictures, H, W, C, O) = (g.N, g.H, g.W, g.C, g.O)
    x = UnsafePointer(memory.x.base.assumingMemoryBound(to: UInt8.self))
    zeroPoint = UnsafePointer(memory.zeroPoint!)
    weight = UnsafePointer(memory.integerWeight!)
    y = memory.y.floats
    transformed = AlignedBuffer(byteCount: 16 * C * O * 2)
    padded = AlignedBuffer(byteCount: (2 * tiles.rows + 2) * (2 * tiles.columns + 2) * C * 2)
    self.scratch = scratch
    scratch.reserve(
      byteCount: tiles.roomForBlock(channels: C) * 2 + tiles.roomForBlock(channels: O) * 4
        + tiles.roomForPatch(channels: O) * 4)
  }

  static func computes(_ g: Convolution.Geometry) -> Bool {
    g.isWinograd && g.stride == 1 && g.C <= channelLimit
  }

  var byteCount: Int { transformed.byteCount + padded.byteCount }

  func prepareWeights() {
    let u = transformed.base.assumingMemoryBound(to: Int16.self)
    for block in 0..<O / 16 {
      clanes_winograd2_weights_i16(
        weight + block * 16 * C * 9, C * 9, 9, C, u + block * C * 16, C * O)
    }
  }

  func run() {
    let (C, O, tiles) = (C, O, tiles)
    let (sourcePlace, targetPlace) = (tiles.place(channels: C), tiles.place(channels: O))
    let u = UnsafePointer(transformed.base.assumingMemoryBound(to: Int16.self))
    let v = scratch.base.assumingMemoryBound(to: Int16.self)
    let m = UnsafeMutableRawPointer(v + tiles.roomForBlock(channels: C))
      .assumingMemoryBound(to: Int32.self)
    let patch = UnsafeMutableRawPointer(m + tiles.roomForBlock(channels: O))
      .assumingMemoryBound(to: Float.self)
    let pixels = padded.base.assumingMemoryBound(to: Int16.self)
    let row = (2 * tiles.columns + 2) * C
    for n in 0..<pictures {
      pad(x + n * H * W * C, pixels + row + C, row)
      let y = y + n * H * W * O
      tiles.forEachBlock { first, count in
        tiles.forEach(from: first, count) { i, _, h, w in
          clanes_winograd2_source_i16(pixels + h * row + w * C, row, C, C, v + i * C, sourcePlace)
        }
        for element in 0..<16 {
          for block in 0..<O / 16 {
            clanes_pair_product_rows(
              v + element * sourcePlace, C, u + (element * O + block * 16) * C, C / 2,
              m + element * targetPlace + block * 16, O, count)
          }
        }
        tiles.forEach(from: first, count) { i, _, h, w in
          store(m + i * O, targetPlace, h, w, patch, y)
        }
      }
    }
  }

  /// The outputs of the tile at (h, w) that do not stick out.
  @inline(__always)
  private func store(
    _ m: UnsafePointer<Int32>, _ place: Int, _ h: Int, _ w: Int,
    _ patch: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    let first = y + (h * W + w) * O
    if h + 2 <= H && w + 2 <= W {
      return clanes_winograd2_target_i32(m, place, O, first, W * O, O)
    }
    clanes_winograd2_target_i32(m, place, O, patch, 2 * O, O)
    for i in 0..<min(2, H - h) {
      (first + i * W * O).update(from: patch + 2 * i * O, count: min(2, W - w) * O)
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
