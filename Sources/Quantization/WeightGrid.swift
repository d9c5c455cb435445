public import Tensors

/// Symmetric grids of a weight, one per output channel: `scale[o] = max|W[o,…]| / (2^(bits-1) - 1)`.
///
/// Integers are in `±(2^(bits-1) - 1)`, for 8 bits [-127, 127]. A channel of zeros has scale 1, and
/// so has one with an infinite weight. A weight that is NaN becomes the largest integer.
public struct WeightGrid: Hashable, Sendable {
  public var scales: [Float]
  public var limit: Int32

  /// - Shapes: `weight` `[O, …]`, FP32.
  public init(_ weight: Tensor, bits: Int) {
    limit = Int32(1) << Int32(bits - 1) - 1
    let limit = Float(limit)
    scales = weight.withElements(as: Float.self) { w in
      let channels = weight.shape[0]
      let perChannel = w.count / max(channels, 1)
      return (0..<channels).map { o in
        var largest: Float = 0
        for i in o * perChannel..<(o + 1) * perChannel { largest = max(largest, abs(w[i])) }
        let scale = largest / limit
        return scale >= .leastNormalMagnitude && scale.isFinite ? scale : 1
      }
    }
  }

  /// Grids with scales that are given, as learned ones are; they are positive.
  public init(scales: [Float], bits: Int) {
    limit = Int32(1) << Int32(bits - 1) - 1
    self.scales = scales.map { $0 >= .leastNormalMagnitude && $0.isFinite ? $0 : 1 }
  }

  /// Per channel the scale, of `candidates` from the largest weight's down to a `candidates`th of it,
  /// with the smallest `Σ (w - grid(w))²`; of equal ones the larger.
  public init(leastSquaredError weight: Tensor, bits: Int, candidates: Int = 100) {
    self.init(weight, bits: bits)
    let perChannel = weight.elementCount / max(scales.count, 1)
    let limit = Float(limit)
    weight.withElements(as: Float.self) { w in
      for o in scales.indices {
        let whole = scales[o]
        var least = Double.infinity
        for step in stride(from: candidates, through: 1, by: -1) {
          let scale = whole * Float(step) / Float(candidates)
          guard scale >= .leastNormalMagnitude else { break }
          var error = 0.0
          for i in o * perChannel..<(o + 1) * perChannel {
            let q = max(-limit, min(limit, (w[i] / scale).rounded(.toNearestOrEven)))
            let d = Double(w[i] - q * scale)
            error += d * d
          }
          if error < least { (least, scales[o]) = (error, scale) }
        }
      }
    }
  }

  /// The integers of `weight`, as int8 of the same shape.
  public func quantize(_ weight: Tensor) -> Tensor {
    var result = Tensor(shape: weight.shape, dtype: .int8)
    let perChannel = weight.elementCount / max(scales.count, 1)
    weight.withElements(as: Float.self) { w in
      result.withMutableElements(as: Int8.self) { q in
        for o in scales.indices {
          for i in o * perChannel..<(o + 1) * perChannel {
            let r = (w[i] / scales[o]).rounded(.toNearestOrEven)
            // In this order `min` and `max` pass no NaN on, which the conversion would trap at.
            q[i] = Int8(max(-Float(limit), min(Float(limit), r)))
          }
        }
      }
    }
    return result
  }

  /// `weight` on its grids, as real numbers.
  public func fakeQuantize(_ weight: Tensor) -> Tensor {
    let integers = quantize(weight)
    var result = weight
    let perChannel = weight.elementCount / max(scales.count, 1)
    integers.withElements(as: Int8.self) { q in
      result.withMutableElements(as: Float.self) { w in
        for o in scales.indices {
          for i in o * perChannel..<(o + 1) * perChannel { w[i] = Float(q[i]) * scales[o] }
        }
      }
    }
    return result
  }
}
