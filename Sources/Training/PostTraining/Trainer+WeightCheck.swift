import Engine
package import Graphs
import Quantization
import Tensors

extension Trainer {
  /// Looks for numbers that no grid can hold, and says which channels have no weight left.
  ///
  /// - Throws: `CalibrationError.unusableNumber`.
  func checkWeights() throws {
    let weights = state.store.weights()
    for parameter in floatGraph.parameters {
      if let found = weights[parameter.name]?.firstUnusable() {
        throw CalibrationError.unusableNumber(
          found.value, parameter: parameter.name, channel: found.channel)
      }
    }
    for (node, channels) in floatGraph.deadChannels(weights) {
      let shown = channels.prefix(8).map(String.init).joined(separator: ", ")
      reporter.note(
        "layer \(node): \(channels.count == 1 ? "output channel" : "output channels") \(shown)\(channels.count > 8 ? ", …" : "") dead: all weights are 0, so the scale 1 stands for a range of nothing"
      )
    }
  }
}

extension Tensor {
  /// The first NaN or infinite number and its index along the first axis.
  fileprivate func firstUnusable() -> (value: Float, channel: Int)? {
    withElements(as: Float.self) { values in
      guard let index = values.firstIndex(where: { !$0.isFinite }) else { return nil }
      return (values[index], index / max(values.count / max(shape[0], 1), 1))
    }
  }
}

extension Graph {
  /// By layer, the output channels whose weights are all 0.
  package func deadChannels(_ weights: NamedWeights) -> [(node: String, channels: [Int])] {
    nodes.compactMap { node in
      switch node.operation {
      case .convolution, .linear: break
      default: return nil
      }
      guard let weight = weights[parameters[node.parameters[0]].name] else { return nil }
      let O = weight.shape[0]
      let dead = weight.withElements(as: Float.self) { w in
        let perChannel = w.count / O
        return (0..<O).filter { o in
          w[o * perChannel..<(o + 1) * perChannel].allSatisfy { $0 == 0 }
        }
      }
      return dead.isEmpty ? nil : (node.name, dead)
    }
  }
}
