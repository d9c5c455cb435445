import Foundation

/// One side of a box as a distribution over 16 bins: p = softmax(x), distance = Σ j·p[j] cells.
///
/// *Source:* Li et al., "Generalized Focal Loss", arXiv:2006.04388, section 3.2.
package struct SideDistribution {
  package var probabilities: SIMD16<Float>
  /// Σ j·p[j], in cells.
  package var distance: Float
  /// log Σ exp(x[j]).
  package var logSum: Float

  static let bins = SIMD16<Float>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

  package init(logits: UnsafePointer<Float>) {
    let x = load16(logits)
    let maximum = laneMaximum(x)
    let e = exponential(x - maximum)
    let sum = laneSum(e)
    probabilities = e / sum
    distance = laneSum(probabilities * Self.bins)
    logSum = maximum + log(sum)
  }

  /// The distance alone, in cells.
  @inline(__always)
  static func distance(logits: UnsafePointer<Float>) -> Float {
    let x = load16(logits)
    let e = exponential(x - laneMaximum(x))
    return laneSum(e * bins) / laneSum(e)
  }

  /// d distance / dx[j] = p[j]·(j − distance).
  var distanceGradient: SIMD16<Float> { probabilities * (Self.bins - distance) }
}

/// The two bins beside a wanted distance, and how much of it each one carries.
package struct TwoBinTarget {
  package var left: Int
  package var leftWeight: Float
  package var rightWeight: Float

  /// The greatest distance that still lies between two bins, kept a little off the last one.
  package static let limit: Float = 15 - 0.01

  /// `distance` in cells; clipped to [0, 14.99].
  package init(distance: Float) {
    let clipped = Swift.min(Swift.max(distance, 0), Self.limit)
    left = Int(clipped)
    leftWeight = Float(left + 1) - clipped
    rightWeight = 1 - leftWeight
  }

  /// −(w_l·log p[l] + w_r·log p[l+1]).
  package func crossEntropy(logits: UnsafePointer<Float>, logSum: Float) -> Float {
    leftWeight * (logSum - logits[left]) + rightWeight * (logSum - logits[left + 1])
  }

  /// d crossEntropy / dx[j] = p[j] − w_l·[j = l] − w_r·[j = l+1].
  func crossEntropyGradient(_ probabilities: SIMD16<Float>) -> SIMD16<Float> {
    var gradient = probabilities
    gradient[left] -= leftWeight
    gradient[left + 1] -= rightWeight
    return gradient
  }
}
