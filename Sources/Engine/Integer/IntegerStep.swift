import Quantization

/// One operation of an integer plan, with its memory bound.
protocol IntegerStep: AnyObject {
  var name: String { get }
  /// The value it makes.
  var output: Int { get }
  func run()
}

/// Where the numbers of a value lie, `[N, H, W, C]` without gaps.
enum IntegerStorage {
  /// Points of a grid.
  case integers(UnsafeMutablePointer<Int8>, Grid)
  /// What a target keeps in FP32.
  case real(UnsafeMutablePointer<Float>)

  /// `x = (q - zeroPoint)·scale`, or `x` itself, for element `i`.
  @inline(__always)
  func real(_ i: Int) -> Float {
    switch self {
    case .integers(let q, let grid): grid.dequantize(Int32(q[i]))
    case .real(let x): x[i]
    }
  }
}

/// Extents of a value: pictures, rows, columns, channels.
struct IntegerExtents: Hashable {
  var N, H, W, C: Int

  var count: Int { N * H * W * C }
  var rows: Int { N * H * W }
}
