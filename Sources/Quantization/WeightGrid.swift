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
