public import Graphs
import Tensors

/// Why the channels of a network cannot be scaled against each other.
public struct EqualizationError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
}

extension Graph {
  /// The same function from other weights: cross-layer equalization.
  ///
  /// Where `f(s·x) = s·f(x)` for `s > 0`, as for ReLU, a channel may be divided by `s` where it is
  /// made and multiplied by `s` where it is read. With `r₁` how far the channel reaches, estimated from
  /// its batch norm as `max(β + 3γ, 0)`, and `r₂` the largest share that its weights have in the
  /// grids of the layers that read it, `s = √(r₁/r₂)` makes both `√(r₁·r₂)`: no channel of a tensor
  /// then uses but a corner of the one grid they share. Repeated until the factors are 1.
  ///
  /// Channels are followed through concat, slice, upsample and max pool, which commute with a factor;
  /// what an addition joins gets one factor. Channels of the input and of the outputs keep theirs.
  ///
  /// Weights have a grid per output channel, so that `r₁` is not taken from the weights that make the
  /// channel: their factor changes nothing but that grid's scale.
  ///
  /// *Source:* Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
  /// Correction", equations 7 to 11; the estimate of `r₁` is that of their section 4.1.2.
  /// - Returns: the weights, and how many channels got another factor than 1.
  /// - Throws: a sentence, where an activation is not ReLU.
  public func equalizing(_ weights: NamedWeights) throws(EqualizationError) -> (
    weights: NamedWeights, channelCount: Int
  ) {
    for node in nodes {
      switch node.operation {
      case .activation(.relu): continue
      case .activation(let kind):
        throw EqualizationError(
          description:
            "cross-layer equalization needs f(s·x) = s·f(x), and \(kind.rawValue) (\(node.name)) is not so: \(kind == .relu6 ? "its bound of 6 does not scale" : "its bend has a size"); train with model.activation=relu or leave --equalize out"
        )
      case .sigmoid, .multiply:
        throw EqualizationError(
          description:
            "cross-layer equalization needs f(s·x) = s·f(x), and \(node.operation.name) (\(node.name)) is not so; leave --equalize out"
        )
      default: continue
      }
    }
    var equalizer = Equalizer(self, weights)
    equalizer.run()
    return (equalizer.weights, equalizer.scaledCount)
  }
}

/// Channels that must be scaled together, and who makes and who reads them.
private struct Equalizer {
  /// One channel of a layer: of its output where it makes it, of its input where it reads it.
  struct End {
    var node: Int
    var channel: Int
  }

  struct Group {
    var makers: [End] = []
    var readers: [End] = []
    var isFixed = false
    var factor: Float = 1
  }

  let graph: Graph
  private(set) var weights: NamedWeights
  private var groups: [Group] = []

  var scaledCount: Int { groups.count { abs($0.factor - 1) > 1e-3 } }

  init(_ graph: Graph, _ weights: NamedWeights) {
    self.graph = graph
    self.weights = weights
    var first: [Int] = []
    var count = 0
    for value in graph.values {
      first.append(count)
      count += value.shape[value.shape.rank - 1]
    }
    func channels(_ value: Int) -> Int {
      (value + 1 < first.count ? first[value + 1] : count) - first[value]
    }
    var sets = DisjointSets(count: count)
    for node in graph.nodes {
      switch node.operation {
      case .concat:
        var at = first[node.output]
        for input in node.inputs {
          for c in 0..<channels(input) { sets.join(at + c, first[input] + c) }
          at += channels(input)
        }
      case .slice(let from, let count):
        for c in 0..<count { sets.join(first[node.output] + c, first[node.inputs[0]] + from + c) }
      case .upsample, .maxPool, .globalAveragePool, .add, .activation, .fakeQuantize:
        for input in node.inputs {
          for c in 0..<channels(node.output) { sets.join(first[node.output] + c, first[input] + c) }
        }
      case .convolution, .linear, .batchNorm, .sigmoid, .multiply: break
      }
    }
    var indexOfRoot: [Int: Int] = [:]
    func index(_ channel: Int, _ groups: inout [Group]) -> Int {
      let root = sets.root(of: channel)
      if let known = indexOfRoot[root] { return known }
      groups.append(Group())
      indexOfRoot[root] = groups.count - 1
      return groups.count - 1
    }
    var groups: [Group] = []
    for value in graph.inputs + graph.outputs {
      for c in 0..<channels(value) {
        let group = index(first[value] + c, &groups)
        groups[group].isFixed = true
      }
    }
    let consumers = graph.consumers()
    for (number, node) in graph.nodes.enumerated() {
      let normalizes = consumers[node.output].contains {
        if case .batchNorm = graph.nodes[$0].operation { true } else { false }
      }
      switch node.operation {
      case .batchNorm, .convolution, .linear:
        for c in 0..<channels(node.output) {
          let group = index(first[node.output] + c, &groups)
          groups[group].makers.append(End(node: number, channel: c))
          // A batch norm would undo the factor.
          if normalizes { groups[group].isFixed = true }
        }
      default: break
      }
      switch node.operation {
      case .convolution(_, _, _, _, let count, _):
        for c in 0..<channels(node.inputs[0]) {
          let group = index(first[node.inputs[0]] + c, &groups)
          groups[group].readers.append(End(node: number, channel: c))
          if count != 1 { groups[group].isFixed = true }
        }
      case .linear:
        for c in 0..<channels(node.inputs[0]) {
          let group = index(first[node.inputs[0]] + c, &groups)
          groups[group].readers.append(End(node: number, channel: c))
        }
      default: break
      }
    }
    self.groups = groups
  }

  mutating func run() {
    for _ in 0..<20 {
      let rowLargest = rowLargest()
      var most: Float = 1
      for index in groups.indices where !groups[index].isFixed {
        let r1 = groups[index].makers.reduce(Float(0)) { max($0, reach($1)) }
        let r2 = groups[index].readers.reduce(Float(0)) { max($0, share($1, rowLargest)) }
        guard r1 > 0, r2 > 0, r1.isFinite, r2.isFinite else { continue }
        // A factor of more than a thousand would only move dead channels about.
        let wanted = (r1 / r2).squareRoot()
        let factor = min(max(groups[index].factor * wanted, 1e-3), 1e3) / groups[index].factor
        scale(groups[index], by: factor)
        groups[index].factor *= factor
        most = max(most, factor, 1 / factor)
      }
      if most < 1.001 { break }
    }
  }

  private func name(_ node: Int, _ parameter: Int) -> String? {
    let own = graph.nodes[node].parameters
    return own.indices.contains(parameter) ? graph.parameters[own[parameter]].name : nil
  }

  /// How far a channel reaches where it is made.
  private func reach(_ end: End) -> Float {
    let node = graph.nodes[end.node]
    func number(_ parameter: Int) -> Float {
      guard let name = name(end.node, parameter) else { return 0 }
      return weights[name]!.withElements(as: Float.self) { $0[end.channel] }
    }
    if case .batchNorm = node.operation { return max(number(1) + 3 * abs(number(0)), 0) }
    let weight = weights[name(end.node, 0)!]!
    let sum: Float = weight.withElements(as: Float.self) { w in
      let count = w.count / weight.shape[0]
      return w[end.channel * count..<(end.channel + 1) * count].reduce(0) { $0 + abs($1) }
    }
    return sum + abs(number(1))
  }

  /// By node, the largest weight of each output channel.
  private func rowLargest() -> [Int: [Float]] {
    var result: [Int: [Float]] = [:]
    for (number, node) in graph.nodes.enumerated() {
      switch node.operation {
      case .convolution, .linear: break
      default: continue
      }
      let weight = weights[name(number, 0)!]!
      result[number] = weight.withElements(as: Float.self) { w in
        let count = w.count / weight.shape[0]
        return (0..<weight.shape[0]).map { o in
          w[o * count..<(o + 1) * count].reduce(0) { max($0, abs($1)) }
        }
      }
    }
    return result
  }

  /// The largest part of an output channel's grid that the weights of an input channel take.
  private func share(_ end: End, _ rowLargest: [Int: [Float]]) -> Float {
    let weight = weights[name(end.node, 0)!]!
    let largest = rowLargest[end.node]!
    return weight.withElements(as: Float.self) { w in
      let (O, C) = (weight.shape[0], weight.shape[1])
      let taps = w.count / (O * C)
      var result: Float = 0
      for o in 0..<O where largest[o] > 0 {
        for i in 0..<taps {
          result = max(result, abs(w[(o * C + end.channel) * taps + i]) / largest[o])
        }
      }
      return result
    }
  }

  private mutating func scale(_ group: Group, by factor: Float) {
    for end in group.makers {
      let isNorm = graph.parameters[graph.nodes[end.node].parameters[0]].role == .scale
      for parameter in 0..<2 {
        guard let name = name(end.node, parameter) else { continue }
        let O = weights[name]!.shape[0]
        weights[name]!.withMutableElements(as: Float.self) { w in
          let count = w.count / O
          precondition(!isNorm || count == 1, "a batch norm has a number per channel")
          for i in end.channel * count..<(end.channel + 1) * count { w[i] /= factor }
        }
      }
    }
    for end in group.readers {
      let name = name(end.node, 0)!
      let (O, C) = (weights[name]!.shape[0], weights[name]!.shape[1])
      weights[name]!.withMutableElements(as: Float.self) { w in
        let taps = w.count / (O * C)
        for o in 0..<O {
          for i in 0..<taps { w[(o * C + end.channel) * taps + i] *= factor }
        }
      }
    }
  }
}
