import Glibc
public import Graphs
import Tensors

extension Graph {
  /// The weights a new run starts from: a pure function of the seed and each parameter's name.
  ///
  /// Convolutions and linear layers are uniform in ±1/√fan-in (the common default, Kaiming uniform
  /// with a = √5), batch norms 1 and 0. A detector's class bias starts where a picture of 640
  /// pixels holds about five objects, `log(5 / classes / (640/stride)²)`, its box bias at 1.
  public func initialWeights(seed: UInt64) -> NamedWeights {
    var weights = NamedWeights()
    var fanIn: [Int: Int] = [:]
    for node in nodes where !node.parameters.isEmpty {
      let shape = parameters[node.parameters[0]].shape
      for p in node.parameters { fanIn[p] = shape.elementCount / max(shape[0], 1) }
    }
    for (index, parameter) in parameters.enumerated() {
      var tensor = Tensor(shape: parameter.shape)
      var random = Philox(seed: seed, stream: 1, position: nameHash(parameter.name))
      tensor.withMutableElements(as: Float.self) { values in
        switch parameter.role {
        case .weight, .bias:
          let bound = 1 / Float(fanIn[index]!).squareRoot()
          for i in values.indices { values[i] = random.uniform(-bound, bound) }
        case .scale, .runningVariance, .weightScale, .siteScale:
          for i in values.indices { values[i] = 1 }
        case .shift, .runningMean: break
        }
      }
      weights[parameter.name] = tensor
    }
    setHeadBiases(&weights)
    return weights
  }

  private func setHeadBiases(_ weights: inout NamedWeights) {
    guard let head else { return }
    let producers = producers()
    for level in head.levels {
      let cells = 640 / Double(level.stride)
      let prior = Float(log(5 / Double(head.classNames.count) / (cells * cells)))
      for (value, bias) in [(level.boxes, 1), (level.classes, prior)] {
        var producer = producers[value]
        if let index = producer, case .fakeQuantize = nodes[index].operation {
          producer = producers[nodes[index].inputs[0]]
        }
        guard let producer, let p = nodes[producer].parameters.last, parameters[p].role == .bias
        else { continue }
        weights[parameters[p].name] = Tensor(
          [Float](repeating: bias, count: parameters[p].shape.elementCount),
          shape: parameters[p].shape)
      }
    }
  }

  /// FNV-1a, 64 bits: the same for a name in every process.
  private func nameHash(_ name: String) -> UInt64 {
    name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
  }
}
