import Glibc
import Quantization
import Tensors

/// An operation of one integer with 256 answers, as a table: the sigmoid.
final class TableStep: IntegerStep {
  let name: String
  let output: Int
  /// By the byte of the input.
  private let table: AlignedBuffer
  private let x: UnsafePointer<Int8>
  private let y: UnsafeMutablePointer<Int8>
  private let count: Int

  init(
    name: String, output: Int, x: UnsafePointer<Int8>, y: UnsafeMutablePointer<Int8>, count: Int,
    _ answer: (Int8) -> Int8
  ) {
    (self.name, self.output, self.x, self.y, self.count) = (name, output, x, y, count)
    table = AlignedBuffer(byteCount: 256)
    let answers = table.base.assumingMemoryBound(to: Int8.self)
    for q in Int8.min...Int8.max { answers[Int(UInt8(bitPattern: q))] = answer(q) }
  }

  func run() {
    let answers = UnsafePointer(table.base.assumingMemoryBound(to: Int8.self))
    for i in 0..<count { y[i] = answers[Int(UInt8(bitPattern: x[i]))] }
  }

  /// The sigmoid from one grid to another: the real function at a grid point, rounded.
  ///
  /// Ties go away from zero in fixed point, as LiteRT makes its table, else to even.
  static func sigmoid(_ from: Grid, _ to: Grid, _ arithmetic: IntegerArithmetic) -> (Int8) -> Int8 {
    { q in
      let y = 1 / (1 + exp(-from.dequantize(Int32(q))))
      let steps = y / to.scale
      let rounded =
        arithmetic == .fixedPoint
        ? steps.rounded(.toNearestOrAwayFromZero) : steps.rounded(.toNearestOrEven)
      return clampedToInt8(Int32(rounded) + to.zeroPoint, to.minimum, to.maximum)
    }
  }
}

/// An operation of two integers with 65,536 answers, as a table: sum and product on grids.
final class PairTableStep: IntegerStep {
  let name: String
  let output: Int
  private let table: AlignedBuffer
  private let a, b: UnsafePointer<Int8>
  private let y: UnsafeMutablePointer<Int8>
  private let count: Int

  init(
    name: String, output: Int, a: UnsafePointer<Int8>, b: UnsafePointer<Int8>,
    y: UnsafeMutablePointer<Int8>, count: Int, _ answer: (Int32, Int32) -> Int8
  ) {
    (self.name, self.output, self.a, self.b) = (name, output, a, b)
    (self.y, self.count) = (y, count)
    table = AlignedBuffer(byteCount: 1 << 16)
    let answers = table.base.assumingMemoryBound(to: Int8.self)
    for p in Int8.min...Int8.max {
      for q in Int8.min...Int8.max {
        answers[Self.place(p, q)] = answer(Int32(p), Int32(q))
      }
    }
  }

  @inline(__always)
  private static func place(_ p: Int8, _ q: Int8) -> Int {
    Int(UInt8(bitPattern: p)) << 8 | Int(UInt8(bitPattern: q))
  }

  func run() {
    let answers = UnsafePointer(table.base.assumingMemoryBound(to: Int8.self))
    for i in 0..<count { y[i] = answers[Self.place(a[i], b[i])] }
  }

  /// `(p - z)·(q - z)·(s·s / s)` on the result's grid.
  static func product(_ a: Grid, _ b: Grid, _ y: Grid, _ arithmetic: IntegerArithmetic)
    -> (Int32, Int32) -> Int8
  {
    let factor = ScalarFactor(
      arithmetic, Double(a.scale) * Double(b.scale) / Double(y.scale),
      single: a.scale * b.scale / y.scale)
    return { p, q in
      clampedToInt8(
        factor.multiply((p - a.zeroPoint) * (q - b.zeroPoint)) + y.zeroPoint, y.minimum, y.maximum)
    }
  }

  /// `(p - z)·s + (q - z)·s` on the result's grid, between `low` and `high`.
  ///
  /// In fixed point both addends are first scaled by 2²⁰ and half the larger scale. *Source:* LiteRT's
  /// `reference/integer_ops/add.h`.
  static func sum(
    _ a: Grid, _ b: Grid, _ y: Grid, low: Int32, high: Int32, _ arithmetic: IntegerArithmetic
  ) -> (Int32, Int32) -> Int8 {
    guard arithmetic == .fixedPoint else {
      let (first, second) = (a.scale / y.scale, b.scale / y.scale)
      return { p, q in
        let steps = Float(p - a.zeroPoint) * first + Float(q - b.zeroPoint) * second
        return clampedToInt8(roundedInteger(steps) + y.zeroPoint, low, high)
      }
    }
    let twice = 2 * Double(max(a.scale, b.scale))
    let (first, second) = (
      FixedPointFactor(Double(a.scale) / twice), FixedPointFactor(Double(b.scale) / twice)
    )
    let result = FixedPointFactor(twice / (Double(1 << 20) * Double(y.scale)))
    return { p, q in
      let sum =
        first.multiply((p - a.zeroPoint) << 20) + second.multiply((q - b.zeroPoint) << 20)
      return clampedToInt8(result.multiply(sum) + y.zeroPoint, low, high)
    }
  }
}

/// `[H, W, C]` to `[C]`: the sum of a channel's integers times `s / (H·W·s)`.
final class IntegerMeanStep: IntegerStep {
  let name: String
  let output: Int
  private let x: UnsafePointer<Int8>
  private let y: UnsafeMutablePointer<Int8>
  private let extents: IntegerExtents
  private let from, to: Grid
  private let factor: ScalarFactor

  init(
    name: String, output: Int, x: UnsafePointer<Int8>, y: UnsafeMutablePointer<Int8>,
    _ extents: IntegerExtents, from: Grid, to: Grid, _ arithmetic: IntegerArithmetic
  ) {
    (self.name, self.output, self.x, self.y) = (name, output, x, y)
    (self.extents, self.from, self.to) = (extents, from, to)
    let pixels = extents.H * extents.W
    factor = ScalarFactor(
      arithmetic, Double(from.scale) / (Double(pixels) * Double(to.scale)),
      single: from.scale / (Float(pixels) * to.scale))
  }

  func run() {
    let (C, pixels) = (extents.C, extents.H * extents.W)
    for n in 0..<extents.N {
      for c in 0..<C {
        var sum: Int32 = 0
        for i in 0..<pixels { sum &+= Int32(x[(n * pixels + i) * C + c]) &- from.zeroPoint }
        y[n * C + c] = clampedToInt8(
          factor.multiply(sum) + to.zeroPoint, to.minimum, to.maximum)
      }
    }
  }
}
