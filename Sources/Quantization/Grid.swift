/// The integers a real number is rounded to: `q = clamp(round(x / scale) + zeroPoint)`, `x ≈ (q - zeroPoint)·scale`.
///
/// Rounding is to the nearest, ties to even, as ONNX, TensorRT and TFLite define it.
public struct Grid: Hashable, Sendable, Codable {
  public var scale: Float
  public var zeroPoint: Int32
  public var minimum: Int32
  public var maximum: Int32

  public init(scale: Float, zeroPoint: Int32, minimum: Int32, maximum: Int32) {
    precondition(scale > 0 && scale.isFinite, "scale \(scale)")
    precondition(minimum < maximum, "\(minimum) ... \(maximum)")
    self.scale = scale
    self.zeroPoint = zeroPoint
    self.minimum = minimum
    self.maximum = maximum
  }

  /// The grid of `bits` signed bits that covers `low ... high` and zero.
  ///
  /// Symmetric: zero point 0, the larger magnitude at `2^(bits-1) - 1`. Affine: the full range of
  /// integers, the zero point rounded so that 0 is exact. A range that is only zero gets the
  /// smallest scale that is still a normal number, so that everything on it is 0.
  public init(covering low: Float, _ high: Float, bits: Int, symmetric: Bool) {
    precondition(low <= high && low.isFinite && high.isFinite, "range \(low) ... \(high)")
    let half = Int32(1) << Int32(bits - 1)
    let low = min(low, 0)
    let high = max(high, 0)
    if symmetric {
      let scale = max(-low, high) / Float(half - 1)
      self.init(
        scale: max(scale, .leastNormalMagnitude), zeroPoint: 0, minimum: -half, maximum: half - 1)
    } else {
      let levels = Float(2 * half - 1)
      // The width of the widest range is no number any more.
      let width = high - low
      let scale = max(
        width.isFinite ? width / levels : high / levels - low / levels, .leastNormalMagnitude)
      let zero = (-Float(half) - low / scale).rounded(.toNearestOrEven)
      let zeroPoint = Int32(min(max(zero, -Float(half)), Float(half - 1)))
      self.init(scale: scale, zeroPoint: zeroPoint, minimum: -half, maximum: half - 1)
    }
  }

  /// The smallest and the largest real number on the grid.
  public var low: Float { Float(minimum - zeroPoint) * scale }
  public var high: Float { Float(maximum - zeroPoint) * scale }

  /// The integer for `x`. NaN becomes the zero point's neighbour `minimum`, as a clamp would do.
  public func quantize(_ x: Float) -> Int32 {
    let r = (x / scale).rounded(.toNearestOrEven) + Float(zeroPoint)
    return r >= Float(minimum) ? (r <= Float(maximum) ? Int32(r) : maximum) : minimum
  }

  public func dequantize(_ q: Int32) -> Float { Float(q - zeroPoint) * scale }

  /// `x` on the grid, as a real number.
  public func fakeQuantize(_ x: Float) -> Float { dequantize(quantize(x)) }
}
