public import Tensors

extension WeightGrid {
  /// `weight` cut off, channel by channel, where its grid of `bits` makes the least squared error:
  /// `clamp(w, ±c)`, `c = f·max|w|` with the `f` of 1, 0.99, …, 0.3 whose `Σ (w - grid(w))²` is the
  /// smallest; of equal ones the largest.
  ///
  /// The largest weight left stands at the end of the grid made from it, as `WeightGrid` expects.
  /// - Shapes: `weight` `[O, …]`, FP32.
  public static func clippedForLeastError(_ weight: Tensor, bits: Int) -> Tensor {
    let limit = Float(Int32(1) << Int32(bits - 1) - 1)
    var result = weight
    result.withMutableElements(as: Float.self) { w in
      let O = weight.shape[0]
      let count = w.count / max(O, 1)
      for o in 0..<O {
        let channel = UnsafeMutableBufferPointer(rebasing: w[o * count..<(o + 1) * count])
        let largest = channel.reduce(Float(0)) { max($0, abs($1)) }
        guard largest > 0, largest.isFinite else { continue }
        var (chosen, least) = (largest, Double.infinity)
        for percent in stride(from: 100, through: 30, by: -1) {
          let end = largest * Float(percent) / 100
          let error = squaredError(channel, scale: end / limit, limit: limit)
          if error < least { (chosen, least) = (end, error) }
        }
        for i in channel.indices { channel[i] = min(max(channel[i], -chosen), chosen) }
      }
    }
    return result
  }

  private static func squaredError(
    _ channel: UnsafeMutableBufferPointer<Float>, scale: Float, limit: Float
  ) -> Double {
    guard scale >= .leastNormalMagnitude else { return .infinity }
    var sum = 0.0
    for w in channel {
      let q = min(max((w / scale).rounded(.toNearestOrEven), -limit), limit)
      let error = Double(w - q * scale)
      sum += error * error
    }
    return sum
  }
}
