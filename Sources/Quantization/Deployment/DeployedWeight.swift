import Graphs
package import Tensors

/// The weight of one layer as a device holds it: integers, and one scale per output channel into which
/// the batch norm behind the layer is folded.
///
/// `W[o,…]·g[o] = (sign(g[o])·q[o,…])·(scale[o]·|g[o]|)`: the integers are those of training. Where
/// the weights or the product of scale and gain are zero, the channel is integers 0 under the largest
/// scale of the others: runtimes that round biases to multiples of it keep them as fine as theirs.
package struct DeployedWeight: Sendable {
  /// int8, the shape of the weight.
  package var integers: Tensor
  /// One per output channel, positive.
  package var scales: [Float]

  /// - Parameters:
  ///   - weight: `[O, …]`, before folding.
  ///   - gain: `[O]`, the batch norm's `γ/√(variance + ε)`; `nil` without a batch norm.
  ///   - learned: `[O]`, the scales where they are learned; `nil` where they follow from the weight.
  package init(_ weight: Tensor, bits: Int, gain: [Float]?, learned: [Float]? = nil) {
    let grid =
      learned.map { WeightGrid(scales: $0, bits: bits) } ?? WeightGrid(weight, bits: bits)
    integers = grid.quantize(weight)
    scales = grid.scales
    precondition((gain?.count ?? scales.count) == scales.count, "a gain per channel")
    let perChannel = weight.elementCount / max(scales.count, 1)
    var dead: [Int] = []
    integers.withMutableElements(as: Int8.self) { q in
      for o in scales.indices {
        let factor = gain?[o] ?? 1
        let channel = o * perChannel..<(o + 1) * perChannel
        scales[o] *= abs(factor)
        if scales[o] < .leastNormalMagnitude || channel.allSatisfy({ q[$0] == 0 }) {
          dead.append(o)
          for i in channel { q[i] = 0 }
        } else if factor < 0 {
          for i in channel { q[i] = -q[i] }
        }
      }
    }
    for o in dead { scales[o] = 0 }
    let largest = scales.max() ?? 0
    for o in dead { scales[o] = largest > 0 ? largest : 1 }
  }

  /// Raises scales so that every bias, in units of `inputScale·scale[o]`, stays below 2³⁰.
  ///
  /// onnxruntime (and TFLite) hold biases as int32 in these units and overflow without a word. Only a
  /// channel with a gain near zero is concerned: its integers become smaller, and the weights lose
  /// less than 2⁻²³ of the bias per input.
  package mutating func raiseScales(toHold biases: [Float], inputScale: Float) {
    precondition(biases.count == scales.count, "\(biases.count) biases, \(scales.count) scales")
    let perChannel = integers.elementCount / max(scales.count, 1)
    integers.withMutableElements(as: Int8.self) { q in
      for o in scales.indices {
        let least = abs(biases[o]) / (inputScale * 0x1p30)
        guard scales[o] < least, least.isFinite else { continue }
        let ratio = scales[o] / least
        for i in o * perChannel..<(o + 1) * perChannel {
          q[i] = Int8((Float(q[i]) * ratio).rounded(.toNearestOrEven))
        }
        scales[o] = least
      }
    }
  }

  /// `q·scale`, FP32: dividing by the scale and rounding gives the integers back.
  package var values: [Float] {
    let perChannel = integers.elementCount / max(scales.count, 1)
    return integers.values(as: Int8.self).enumerated().map { index, q in
      Float(q) * scales[index / perChannel]
    }
  }
}
