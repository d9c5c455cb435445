import CLanes
import Quantization

/// How sums of products become integers of a grid: `q = clamp(round((sum + bias[o])·factor[o]) + zeroPoint)`.
///
/// - Shapes: `bias` and factors `[O]`, room for whole vectors behind them.
struct Requantization {
  enum Factors {
    case fixedPoint(UnsafePointer<FixedPointFactor>)
    case float(UnsafePointer<Float>)
  }

  var factors: Factors
  var bias: UnsafePointer<Int32>
  var zeroPoint: Int32
  /// Ends of the result, of the grid or of a ReLU on it.
  var low, high: Int32

  /// - Shapes: `sums` `[rows, O]`, `stride` from row to row, whole vectors; `out` `[rows, O]` without gaps.
  func run(
    _ sums: UnsafePointer<Int32>, stride: Int, rows: Int, O: Int, out: UnsafeMutablePointer<Int8>
  ) {
    switch factors {
    case .fixedPoint(let factors):
      for row in 0..<rows {
        let (s, q) = (sums + row * stride, out + row * O)
        for o in 0..<O {
          let value = factors[o].multiply(s[o] &+ bias[o]) &+ zeroPoint
          q[o] = Int8(truncatingIfNeeded: min(max(value, low), high))
        }
      }
    case .float(let factors):
      let zero = Lanes(repeating: Float(zeroPoint))
      let lowest = Lanes(repeating: Float(low - zeroPoint))
      let highest = Lanes(repeating: Float(high - zeroPoint))
      forEachLanes(O) { o, n in
        let factor = Lanes(loading: factors + o)
        let bias = UnsafeRawPointer(bias + o).loadUnaligned(as: SIMD16<Int32>.self)
        for row in 0..<rows {
          var sum =
            UnsafeRawPointer(sums + row * stride + o).loadUnaligned(as: SIMD16<Int32>.self)
            &+ bias
          let x = clanes_load_i32(&sum) * factor
          (x.lower(highest).higher(lowest).roundedToEven() + zero).store(out + row * O + o, upTo: n)
        }
      }
    }
  }
}

/// One real factor, in the form in which a target multiplies by it.
enum ScalarFactor {
  case fixedPoint(FixedPointFactor)
  case float(Float)

  /// - Parameter real: the factor; in FP32 it is what `single` says, in the target's order of operations.
  init(_ arithmetic: IntegerArithmetic, _ real: Double, single: Float) {
    self = arithmetic == .fixedPoint ? .fixedPoint(FixedPointFactor(real)) : .float(single)
  }

  @inline(__always)
  func multiply(_ x: Int32) -> Int32 {
    switch self {
    case .fixedPoint(let factor): factor.multiply(x)
    case .float(let factor): roundedInteger(Float(x) * factor)
    }
  }
}

/// The nearest integer, ties to even; far out it stops at ±2²⁴, beyond every grid. NaN becomes -2²⁴: in
/// this order `min` and `max` pass none on.
@inline(__always)
func roundedInteger(_ x: Float) -> Int32 {
  Int32(min(0x1p24, max(-0x1p24, x.rounded(.toNearestOrEven))))
}

/// `q` between the ends of a grid.
@inline(__always)
func clampedToInt8(_ q: Int32, _ low: Int32, _ high: Int32) -> Int8 {
  Int8(truncatingIfNeeded: min(max(q, low), high))
}
