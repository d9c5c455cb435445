import CLanes
import Tensors

/// Exact sums of a convolution of integers: `sum[m, o] = Σ (x - zeroPoint)·w[o, …]` in 32 bits.
///
/// Pixels less the zero point and weights are 16-bit numbers; windows are gathered into rows of
/// `K·K·C`, and sixteen outputs of six rows are summed at a time. No sum overflows: 2⁸·2⁷ per product,
/// and fewer than 2¹⁶ products.
final class IntegerConvolution {
  let input: IntegerExtents
  let output: IntegerExtents
  let kernel, stride, padding, groups: Int
  /// `[blocks of 16 outputs][pairs][16][2]`; of grouped layers `[O][K·K·C/groups]`.
  private let weights: AlignedBuffer
  private let pairs: Int
  private let padded, windows, sums: AlignedBuffer
  private let tileRows: Int

  /// From one row of sums to the next.
  let sumStride: Int

  init(
    input: IntegerExtents, output: IntegerExtents, kernel: Int, stride: Int, padding: Int,
    groups: Int
  ) {
    (self.input, self.output) = (input, output)
    (self.kernel, self.stride, self.padding, self.groups) = (kernel, stride, padding, groups)
    let (C, O, taps) = (input.C / groups, output.C, kernel * kernel)
    precondition(taps * C < 1 << 16, "\(taps) · \(C) products")
    pairs = (taps * C + 1) / 2
    let blocks = (O + 15) / 16
    sumStride = blocks * 16
    // Windows of some rows stay in the second cache.
    tileRows = min(max(6, 131_072 / (pairs * 4) / 6 * 6), 96)
    padded = AlignedBuffer(
      byteCount: (input.H + 2 * padding) * (input.W + 2 * padding) * input.C * 2 + 64)
    windows = AlignedBuffer(byteCount: tileRows * pairs * 4 + 64)
    sums = AlignedBuffer(byteCount: tileRows * sumStride * 4)
    weights = AlignedBuffer(
      byteCount: groups == 1 ? blocks * pairs * 64 : O * taps * C * 2)
  }

  /// Takes over weights, `[O, C/groups, K, K]`.
  func setWeights(_ weight: UnsafePointer<Int8>) {
    let (C, taps) = (input.C / groups, kernel * kernel)
    let w = weights.base.assumingMemoryBound(to: Int16.self)
    for o in 0..<output.C {
      let source = weight + o * C * taps
      if groups > 1 {
        let target = w + o * C * taps
        for c in 0..<C {
          for tap in 0..<taps { target[tap * C + c] = Int16(source[c * taps + tap]) }
        }
        continue
      }
      let target = w + (o / 16 * pairs * 16 + o % 16) * 2
      for tap in 0..<taps {
        var k = tap * C
        for c in 0..<C {
          target[(k >> 1) * 32 + (k & 1)] = Int16(source[c * taps + tap])
          k += 1
        }
      }
    }
  }

  var byteCount: Int {
    [weights, padded, windows, sums].reduce(0) { $0 + $1.byteCount }
  }

  /// Calls `body(first row of the output, rows, their sums)` until all rows are done.
  ///
  /// - Parameter x: int8, or the bytes of `ElementFormat.gridByte`.
  @inline(__always)
  func forEachTile<Q: FixedWidthInteger>(
    _ x: UnsafePointer<Q>, zeroPoint: Int32, _ body: (Int, Int, UnsafePointer<Int32>) -> Void
  ) {
    let rowsPerPicture = output.H * output.W
    let acc = sums.base.assumingMemoryBound(to: Int32.self)
    for n in 0..<input.N {
      pad(x + n * input.H * input.W * input.C, zeroPoint)
      var row = 0
      while row < rowsPerPicture {
        let count = min(tileRows, rowsPerPicture - row)
        if groups == 1 && isPointwise {
          multiply(pixels + row * input.C, stride: input.C, count, acc)
        } else if groups == 1 {
          multiply(gather(row, count), stride: 2 * pairs, count, acc)
        } else {
          sumGroups(row, count, acc)
        }
        body(n * rowsPerPicture + row, count, UnsafePointer(acc))
        row += count
      }
    }
  }

  private var pixels: UnsafeMutablePointer<Int16> {
    padded.base.assumingMemoryBound(to: Int16.self)
  }

  private var paddedWidth: Int { input.W + 2 * padding }

  /// The picture less its zero point; around it zeros, which are there from the beginning.
  @inline(__always)
  private func pad<Q: FixedWidthInteger>(_ x: UnsafePointer<Q>, _ zeroPoint: Int32) {
    let zero = Int16(zeroPoint)
    let count = input.W * input.C
    for h in 0..<input.H {
      let source = x + h * count
      let target = pixels + ((h + padding) * paddedWidth + padding) * input.C
      for i in 0..<count { target[i] = Int16(truncatingIfNeeded: source[i]) &- zero }
    }
  }

  /// Whether the windows are the pixels themselves. Behind an odd last channel stands the next pixel,
  /// which meets a weight of zero.
  private var isPointwise: Bool { kernel == 1 && stride == 1 && padding == 0 }

  private func gather(_ first: Int, _ count: Int) -> UnsafePointer<Int16> {
    let run = kernel * input.C
    let out = windows.base.assumingMemoryBound(to: Int16.self)
    var (p, q) = (first / output.W, first % output.W)
    var done = 0
    while done < count {
      let n = min(output.W - q, count - done)
      clanes_gather_windows(
        pixels + (p * stride * paddedWidth + q * stride) * input.C, paddedWidth * input.C,
        stride * input.C, kernel, run, out + done * pairs * 2, 2 * pairs, n)
      done += n
      (p, q) = (p + 1, 0)
    }
    // The second half of an odd last pair meets a weight of zero.
    return UnsafePointer(out)
  }

  private func multiply(
    _ a: UnsafePointer<Int16>, stride: Int, _ rows: Int, _ acc: UnsafeMutablePointer<Int32>
  ) {
    let w = weights.base.assumingMemoryBound(to: Int16.self)
    for block in 0..<sumStride / 16 {
      let wBlock = w + block * pairs * 32
      let out = acc + block * 16
      clanes_pair_product_rows(a, stride, wBlock, pairs, out, sumStride, rows)
    }
  }

  /// Plain loops: what a depthwise layer computes is little.
  private func sumGroups(_ first: Int, _ count: Int, _ acc: UnsafeMutablePointer<Int32>) {
    let (groupC, groupO) = (input.C / groups, output.C / groups)
    let w = weights.base.assumingMemoryBound(to: Int16.self)
    for r in 0..<count {
      let (p, q) = ((first + r) / output.W, (first + r) % output.W)
      for o in 0..<output.C {
        var sum: Int32 = 0
        for i in 0..<kernel {
          for j in 0..<kernel {
            let pixel = (p * stride + i) * paddedWidth + q * stride + j
            let source = pixels + pixel * input.C + o / groupO * groupC
            let weight = w + (o * kernel * kernel + i * kernel + j) * groupC
            for c in 0..<groupC { sum &+= Int32(source[c]) &* Int32(weight[c]) }
          }
        }
        acc[r * sumStride + o] = sum
      }
    }
  }
}
