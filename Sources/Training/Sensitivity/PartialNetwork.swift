import Engine
import Graphs
import Quantization
import Tensors

/// Which parts of a network are on their grids; everything else is float.
struct PartialQuantization: Hashable, Sendable {
  /// Numbers of sites.
  var sites: Set<Int> = []
  /// By layer, of its weights; a layer that is not here keeps them in float.
  var weightBits: [String: Int] = [:]
}

/// A calibrated model of which any part can be left in float, without making its plan again.
final class PartialNetwork {
  let graph: Graph
  let plan: InferencePlan
  /// The layers with weights, in the graph's order.
  let layers: [Layer]
  private let grids: [Grid]
  private let floatWeights: NamedWeights
  /// Learned scales by weight, batch norms folded into them; of the recipe's bits.
  private let scales: [String: [Float]]
  /// Weights on their grids, by layer and bits.
  private var rounded: [String: [Int: Tensor]] = [:]
  private var present = PartialQuantization()

  struct Layer: Hashable, Sendable {
    var name: String
    var weight: String
    var elementCount: Int
    /// Multiply-accumulates of one picture.
    var multiplyCount: Int
    /// Of the recipe's quantization.
    var bits: Int
    /// The site that its input is on, if any.
    var site: Int?
  }

  /// - Throws: a sentence, where the model has no ranges or the engine cannot run it.
  init(_ model: DeployedModel, batchSize: Int) throws {
    guard let (quantizedGraph, grids) = model.quantized else {
      throw TrainingError.unusableCheckpoint(
        path: model.path,
        reason:
          "it is from the float phase and has no ranges; give it some with `edgewise calibrate`"
      )
    }
    self.grids = grids
    var layers: [Layer] = []
    var plain = quantizedGraph.withoutLearnedScales
    let siteOfValue = quantizedGraph.sitesOfValues()
    for index in plain.nodes.indices {
      guard let bits = plain.nodes[index].weightBits else { continue }
      let node = plain.nodes[index]
      let weight = plain.parameters[node.parameters[0]]
      layers.append(
        Layer(
          name: node.name, weight: weight.name, elementCount: weight.shape.elementCount,
          multiplyCount: weight.shape.elementCount * plain.values[node.output].pixelCount,
          bits: bits, site: siteOfValue[node.inputs[0]]))
      // The weights are put on their grids here, or not.
      plain.nodes[index].weightBits = nil
    }
    self.layers = layers
    scales = try Self.learnedScales(quantizedGraph, model.weights)
    let folded = try plain.foldingBatchNorm(model.weights)
    (graph, floatWeights) = folded
    plan = try InferencePlan(
      partiallyQuantized: folded.graph, weights: folded.weights, batchSize: batchSize)
  }

  private static func learnedScales(_ graph: Graph, _ weights: NamedWeights) throws -> [String:
    [Float]]
  {
    let folded = try graph.foldingBatchNorm(weights)
    var result: [String: [Float]] = [:]
    for node in folded.graph.nodes {
      guard let scale = node.weightScale else { continue }
      let weight = folded.graph.parameters[node.parameters[0]].name
      result[weight] = folded.weights[folded.graph.parameters[scale].name]!.values(as: Float.self)
    }
    return result
  }

  /// Everything that the recipe quantizes.
  var whole: PartialQuantization {
    PartialQuantization(
      sites: Set(grids.indices),
      weightBits: Dictionary(uniqueKeysWithValues: layers.map { ($0.name, $0.bits) }))
  }

  /// Makes the plan compute with these parts on their grids.
  func apply(_ parts: PartialQuantization) {
    for site in grids.indices {
      plan.setGrid(parts.sites.contains(site) ? grids[site] : nil, site: site)
    }
    var changed = NamedWeights()
    for layer in layers {
      let bits = parts.weightBits[layer.name]
      guard bits != present.weightBits[layer.name] else { continue }
      changed[layer.weight] =
        bits.map { weights(of: layer, bits: $0) } ?? floatWeights[layer.weight]!
    }
    present = parts
    guard !changed.isEmpty else { return }
    plan.store.load(changed)
    plan.prepareWeights()
  }

  /// A factor per output channel, which is all that folding a batch norm does, changes no integer: so
  /// the folded weights may be put on grids as well as those before.
  private func weights(of layer: Layer, bits: Int) -> Tensor {
    if let known = rounded[layer.name]?[bits] { return known }
    let weight = floatWeights[layer.weight]!
    let learned = bits == layer.bits ? scales[layer.weight] : nil
    let grid =
      learned.map { WeightGrid(scales: $0, bits: bits) } ?? WeightGrid(weight, bits: bits)
    let result = grid.fakeQuantize(weight)
    rounded[layer.name, default: [:]][bits] = result
    return result
  }
}

extension Value {
  /// Rows times columns; 1 of a vector.
  fileprivate var pixelCount: Int { shape.rank == 3 ? shape[0] * shape[1] : 1 }
}

extension Graph {
  /// By value, the site whose grid it is on; `nil` for values that are not on one.
  func sitesOfValues() -> [Int?] {
    var result = [Int?](repeating: nil, count: values.count)
    for node in nodes {
      if case .fakeQuantize(let site) = node.operation {
        result[node.output] = site
      } else if node.operation.keepsGrid {
        let sites = Set(node.inputs.map { result[$0] })
        result[node.output] = sites.count == 1 ? sites.first! : nil
      }
    }
    return result
  }
}
