import Graphs
import Quantization
import Tensors

/// What every exporter walks over: the graph with its batch norms folded, and the integers of its
/// weights.
struct DeployedNetwork {
  /// Without batch norms; sites and quantized layers as in training.
  var graph: Graph
  /// Folded, in float: the biases are read from here, and weights that are not quantized.
  var weights: NamedWeights
  /// By node of `graph`; layers that stay in float have none.
  var deployed: [Int: DeployedWeight]
  /// One per site.
  var grids: [Grid]
  /// The site on whose grid each value lies.
  var sites: [Int?]

  /// - Throws: `ExportError` when weights or grids are missing or unusable: nothing is exported that
  ///   was not checked here.
  init(graph: Graph, weights: NamedWeights, grids: [Grid]) throws(ExportError) {
    do {
      try graph.validate()
      try graph.check(weights)
      try checkFinite(graph, weights)
      let folded = try graph.foldingBatchNorm(weights)
      try checkFinite(folded.graph, folded.weights)
      (self.graph, self.weights) = folded
    } catch let error as GraphError {
      throw .graph(error)
    } catch let error as ExportError {
      throw error
    } catch {
      preconditionFailure("an error of no known type: \(error)")
    }
    try checkGrids(graph, grids)
    try checkHead(self.graph)
    self.grids = grids
    sites = gridSites(self.graph)
    deployed = [:]
    let integers = Self.integers(graph, weights)
    for (index, node) in self.graph.nodes.enumerated() {
      guard var weight = integers[node.name] else { continue }
      if let site = sites[node.inputs[0]], node.parameters.count > 1 {
        let bias = self.weights[self.graph.parameters[node.parameters[1]].name]!
        weight.raiseScales(toHold: bias.values(as: Float.self), inputScale: grids[site].scale)
      }
      deployed[index] = weight
    }
  }

  /// The integers and folded scales of every layer with quantized weights, by name.
  private static func integers(_ graph: Graph, _ weights: NamedWeights) -> [String: DeployedWeight]
  {
    let consumers = graph.consumers()
    var result: [String: DeployedWeight] = [:]
    for node in graph.nodes {
      guard let bits = node.weightBits, let parameter = node.parameters.first else { continue }
      var gain: [Float]?
      if let reader = consumers[node.output].first,
        case .batchNorm(let epsilon, _) = graph.nodes[reader].operation
      {
        let norm = graph.nodes[reader].parameters.map {
          weights[graph.parameters[$0].name]!.values(as: Float.self)
        }
        gain = zip(norm[0], norm[3]).map { $0 / ($1 + epsilon).squareRoot() }
      }
      result[node.name] = DeployedWeight(
        weights[graph.parameters[parameter].name]!, bits: bits, gain: gain,
        learned: node.weightScale.map {
          weights[graph.parameters[$0].name]!.values(as: Float.self)
        })
    }
    return result
  }

  /// The bias of a layer, or zeros.
  func bias(of node: Node, channels: Int) -> [Float] {
    guard node.parameters.count > 1 else { return [Float](repeating: 0, count: channels) }
    return weights[graph.parameters[node.parameters[1]].name]!.values(as: Float.self)
  }
}
