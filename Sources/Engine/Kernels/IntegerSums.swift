import CLanes
import Quantization
import Tensors

/// How a pass makes integers of a convolution's sums as its target does:
/// `q[m, o] = clamp(factor[o]·(sum[m, o] + bias[o]))` in steps from the zero point, the biases int32, the factor a
/// `FixedPointFactor` or FP32. Scales and biases are those that `DeployedWeight` and the exporters come to.
final class IntegerSums {
  private let C: Int
  private let arithmetic: IntegerArithmetic
  private let memory: AlignedBuffer
  /// What a sum is multiplied by first: -1 where the batch norm turns the weights' signs, 0 in a dead channel.
  private let sign: UnsafeMutablePointer<Float>
  private let scales, realFactor: UnsafeMutablePointer<Float>
  private let bias, multiplier, left, right: UnsafeMutablePointer<Int32>

  init(C: Int, _ arithmetic: IntegerArithmetic) {
    (self.C, self.arithmetic) = (C, arithmetic)
    let room = (C + 15) / 16 * 16
    memory = AlignedBuffer(byteCount: 7 * room * 4)
    let floats = memory.base.assumingMemoryBound(to: Float.self)
    (sign, scales, realFactor) = (floats, floats + room, floats + 2 * room)
    let integers = (memory.base + 3 * room * 4).assumingMemoryBound(to: Int32.self)
    (bias, multiplier) = (integers, integers + room)
    (left, right) = (integers + 2 * room, integers + 3 * room)
  }

  /// Takes over the numbers of a pass.
  ///
  /// - Parameters:
  ///   - gain, shift: `[C]`: the batch norm as `gain·x + shift` of the convolution's real numbers.
  ///   - outputScale: of the grid that the sums go to.
  /// - Returns: whether all numbers are finite; otherwise there are no integers.
  func set(
    gain: UnsafePointer<Float>, shift: UnsafePointer<Float>, unit: IntegerUnit, outputScale: Float
  ) -> Bool {
    let inputScale = unit.inputScale.pointee
    var largest: Float = 0
    for c in 0..<C {
      scales[c] = unit.weightScales[c] * abs(gain[c])
      guard scales[c].isFinite, shift[c].isFinite else { return false }
      sign[c] = gain[c] < 0 ? -1 : 1
      if scales[c] < .leastNormalMagnitude || unit.isDead(c) { sign[c] = 0 }
      if sign[c] != 0 { largest = max(largest, scales[c]) }
    }
    for c in 0..<C {
      if sign[c] == 0 { scales[c] = largest > 0 ? largest : 1 }
      // As `DeployedWeight.raiseScales`: a bias stays below 2³⁰ units.
      let least = abs(shift[c]) / (inputScale * 0x1p30)
      if scales[c] < least, least.isFinite {
        sign[c] *= scales[c] / least
        scales[c] = least
      }
      let unit = Double(scales[c] * inputScale)
      let steps = unit > 0 ? Double(shift[c]) / unit : 0
      bias[c] = Int32(max(-0x1p30, min(0x1p30, steps.rounded(.toNearestOrEven))))
      realFactor[c] = inputScale * scales[c] / outputScale
      let factor = FixedPointFactor(
        Double(inputScale) * Double(scales[c]) / Double(outputScale))
      let shifts = FixedPointLanes.Shifts(factor)
      (multiplier[c], left[c], right[c]) = (factor.multiplier, shifts.left, shifts.right)
    }
    return true
  }

  /// - Shapes: `sums`, `out` `[rowCount, C]`, whole numbers in FP32.
  /// - Parameters:
  ///   - low, high: the ends of the grid, or of a ReLU on it, in steps from the zero point.
  func run(
    _ sums: UnsafePointer<Float>, rowCount: Int, low: Float, high: Float,
    out: UnsafeMutablePointer<Float>
  ) {
    let (lowest, highest) = (Lanes(repeating: low), Lanes(repeating: high))
    forEachLanes(C) { c, n in
      let sign = Lanes(loading: sign + c)
      let bias = UnsafeRawPointer(bias + c).loadUnaligned(as: SIMD16<Int32>.self)
      let fixed = FixedPointLanes(multiplier: multiplier + c, left: left + c, right: right + c)
      let real = Lanes(loading: realFactor + c)
      var i = c
      for _ in 0..<rowCount {
        let sum = clanes_to_i32(Lanes(loading: sums + i, upTo: n) * sign) &+ bias
        // FP32 is clamped before it is rounded: the ends are whole, and so large a number would not round.
        let q =
          arithmetic == .fixedPoint
          ? clanes_to_f32(fixed.multiply(sum)).lower(highest).higher(lowest)
          : (clanes_to_f32(sum) * real).lower(highest).higher(lowest).roundedToEven()
        q.store(out + i, upTo: n)
        i += C
      }
    }
  }
}
