package import Graphs
import Tensors

/// What exporters and the integer engine walk over: the graph with its batch norms folded, and the
/// integers of its weights.
package struct DeployedNetwork: Sendable {
  /// Without batch norms; sites and quantized layers as in training.
  package var graph: Graph
  /// Folded, in float: the biases are read from here, and weights that are not quantized.
  package var weights: NamedWeights
  /// By node of `graph`; layers that stay in float have none.
  package var deployed: [Int: DeployedWeight]
  /// One per site.
  package var grids: [Grid]
  /// The site on whose grid each value lies.
  package var sites: [Int?]

  /// - Parameters:
  ///   - graph: with its batch norms.
  ///   - weights: of every parameter, neither quantized nor folded.
  ///   - grids: one per site; none of a float graph.
  /// - Throws: when the graph is none, weights are missing, or a batch norm follows no convolution.
  package init(graph: Graph, weights: NamedWeights, grids: [Grid]) throws(GraphError) {
    precondition(
      grids.count == graph.sites.count, "\(grids.count) grids for \(graph.sites.count) sites")
    try graph.validate()
    (self.graph, self.weights) = try graph.foldingBatchNorm(weights)
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
  package func bias(of node: Node, channels: Int) -> [Float] {
    guard node.parameters.count > 1 else { return [Float](repeating: 0, count: channels) }
    return weights[graph.parameters[node.parameters[1]].name]!.values(as: Float.self)
  }
}
