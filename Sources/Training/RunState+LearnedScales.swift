import Engine
import Graphs
import Quantization
import Tensors

extension RunState {
  /// Learned scales of weights begin where a weight's squared error of rounding is smallest.
  func startWeightScales(_ graph: Graph) {
    let weights = store.weights()
    for node in graph.nodes {
      guard let bits = node.weightBits, let scale = node.weightScale else { continue }
      let weight = weights[graph.parameters[node.parameters[0]].name]!
      load(WeightGrid(leastSquaredError: weight, bits: bits).scales, into: scale, of: graph)
    }
  }

  /// Learned ranges begin where calibration left them.
  ///
  /// - Throws: the name of a site that has seen nothing.
  func startLearnedRanges(_ graph: Graph) throws(TrainingError) {
    for (site, grid) in zip(graph.sites, try grids(of: graph, ranges: ranges)) {
      guard let learned = site.learned else { continue }
      load(site.learnedValues(learned.method, of: grid), into: learned.parameter, of: graph)
    }
  }

  private func load(_ values: [Float], into parameter: Int, of graph: Graph) {
    let name = graph.parameters[parameter].name
    store.load([name: Tensor(values, shape: graph.parameters[parameter].shape)])
  }
}
