import Graphs
import Quantization

extension DeployedNetwork {
  /// The same, checked: nothing is exported that was not.
  ///
  /// - Throws: `ExportError` when weights or grids are missing or unusable.
  init(checking graph: Graph, weights: NamedWeights, grids: [Grid]) throws(ExportError) {
    do {
      try graph.validate()
      try graph.check(weights)
    } catch {
      throw .graph(error)
    }
    try checkFinite(graph, weights)
    try checkScales(graph, weights)
    try checkGrids(graph, grids)
    do { try self.init(graph: graph, weights: weights, grids: grids) } catch {
      throw .graph(error)
    }
    try checkFinite(self.graph, self.weights)
    try checkHead(self.graph)
  }
}
