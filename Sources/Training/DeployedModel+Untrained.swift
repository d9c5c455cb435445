import Datasets
import Detection
import Engine
import Graphs
import Models
import Quantization
import Tensors

extension DeployedModel {
  /// The recipe's network with the weights that a run begins with, and ranges from one picture of
  /// noise: nothing to detect with, but as much to compute as a trained model.
  ///
  /// - Throws: a sentence, where the recipe's target has no placement rules or the engine cannot run
  ///   the network.
  public init(untrained recipe: Recipe, classNames: [String]) throws {
    let float = recipe.floatGraph(classNames: classNames)
    let weights = float.initialWeights(seed: recipe.seed)
    let graph = try recipe.quantizedGraph(float)
    let state = RunState(recipe: recipe, graph: graph)
    let store = state.store
    store.load(weights)
    state.startWeightScales(graph)
    let plan = try TrainingPlan(graph: graph, batchSize: 1, store: store)
    plan.batchNormMode = .batch
    plan.quantizationMode = .observe
    plan.prepareWeights()
    var generator = Philox(seed: recipe.seed, stream: 0, position: 0)
    for i in 0..<graph.values[graph.inputs[0]].shape.elementCount {
      plan.input[i] = generator.uniform()
    }
    plan.forward()
    for site in graph.sites.indices {
      let seen = plan.extremes(site: site)
      if seen.low <= seen.high {
        state.ranges[site].observe(low: seen.low, high: seen.high, momentum: 1)
      }
    }
    try state.startLearnedRanges(graph)
    let trained = store.weights()
    self.init(
      recipe: recipe, floatGraph: float,
      quantized: (graph, try Training.grids(of: graph, ranges: state.ranges, weights: trained)),
      weights: trained, step: 0,
      path: "")
  }
}
