public import Checkpoints
public import Engine
public import Graphs
import Models
public import Quantization
import Tensors

/// How a trained model is computed.
public enum Arithmetic: String, Hashable, Sendable, Codable, CaseIterable {
  /// FP32, batch norms folded, no sites.
  case float
  /// As training simulates it: batch norms apart, values on their grids.
  case fakeQuantized = "fake-quantized"
  /// As it is deployed: batch norms folded, weights and values on their integer grids.
  case int8
}

/// The weights a run would deploy, with what is needed to compute with them.
public struct DeployedModel: Sendable {
  public var recipe: Recipe
  /// Without sites.
  public var floatGraph: Graph
  /// With sites and their grids; `nil` for a model that was never calibrated.
  public var quantized: (graph: Graph, grids: [Grid])?
  public var weights: NamedWeights
  public var step: Int
  public var path: String

  public var classNames: [String] { floatGraph.head?.classNames ?? [] }

  init(
    recipe: Recipe, floatGraph: Graph, quantized: (graph: Graph, grids: [Grid])?,
    weights: NamedWeights, step: Int, path: String
  ) {
    self.recipe = recipe
    self.floatGraph = floatGraph
    self.quantized = quantized
    self.weights = weights
    self.step = step
    self.path = path
  }

  /// Reads a checkpoint: averaged weights where the run kept them, and ranges where it has them.
  ///
  /// - Throws: `CheckpointError`, or `TrainingError` where the parts do not fit together.
  public init(checkpoint reader: CheckpointReader) throws {
    path = reader.path
    let manifest = reader.manifest
    step = manifest.step
    let graph: Graph
    do {
      recipe = try Recipe(json: manifest.recipe.lineText)
      graph = try manifest.graph.decoded(as: Graph.self)
    } catch {
      throw TrainingError.unusableCheckpoint(
        path: path, reason: "its recipe or graph cannot be read (\(error))")
    }
    do { try graph.validate() } catch {
      throw TrainingError.unusableCheckpoint(path: path, reason: error.description)
    }
    guard let head = graph.head else {
      throw TrainingError.unusableCheckpoint(path: path, reason: "its graph is no detector")
    }
    floatGraph = recipe.floatGraph(classNames: head.classNames)
    try Self.check(graph, against: floatGraph, path: path)
    weights = try reader.weights(of: graph, areAverages: recipe.ema.enabled)
    guard !graph.sites.isEmpty else { return }
    var ranges: [MovingRange] = []
    for site in graph.sites {
      guard site.fixedRange == nil, site.learned == nil else {
        ranges.append(MovingRange())
        continue
      }
      ranges.append(try reader.range(ofSite: site.name))
    }
    quantized = (graph, try Training.grids(of: graph, ranges: ranges, weights: weights))
  }

  /// A plan that computes `batchSize` pictures.
  public func plan(_ arithmetic: Arithmetic, batchSize: Int) throws -> InferencePlan {
    switch arithmetic {
    case .float:
      let folded = try floatGraph.foldingBatchNorm(weights)
      return try InferencePlan(
        graph: folded.graph, weights: folded.weights, batchSize: batchSize)
    case .fakeQuantized:
      let (graph, grids) = try requireQuantized()
      return try InferencePlan(
        graph: graph, weights: weights, batchSize: batchSize, grids: grids,
        options: recipe.forwardOptions(graph))
    case .int8:
      let (graph, grids) = try requireQuantized()
      let options = recipe.forwardOptions(graph)
      // With integers between all operations the simulation folds the batch norms itself, into the
      // device's own biases and factors.
      guard options.arithmetic == .floatEpilogue else {
        return try plan(.fakeQuantized, batchSize: batchSize)
      }
      let deployed = try graph.foldingOntoGrids(weights)
      return try InferencePlan(
        graph: deployed.graph, weights: deployed.weights, batchSize: batchSize, grids: grids,
        options: options)
    }
  }

  /// A plan on integers, in a target's arithmetic.
  public func integerPlan(_ arithmetic: IntegerArithmetic, batchSize: Int) throws -> IntegerPlan {
    let (graph, grids) = try requireQuantized()
    return try IntegerPlan(
      graph: graph, weights: weights, batchSize: batchSize, grids: grids, arithmetic: arithmetic)
  }

  func requireQuantized() throws(TrainingError) -> (Graph, [Grid]) {
    guard let quantized else {
      throw .unusableCheckpoint(
        path: path,
        reason:
          "it is from the float phase and has no ranges; evaluate it as float, or take one from after calibration"
      )
    }
    return (quantized.graph, quantized.grids)
  }
}

extension Graph {
  /// Weights put on their grids, then batch norms folded: the integers stay those of training, only
  /// the grids' scales change. The largest weight of a channel is at the end of its grid and stays
  /// there, so that the folded weights give the same integers again. Learned scales are folded beside
  /// their weights.
  func foldingOntoGrids(_ weights: NamedWeights) throws(GraphError) -> (
    graph: Graph, weights: NamedWeights
  ) {
    try check(weights)
    var onGrid = weights
    for node in nodes {
      guard let bits = node.weightBits else { continue }
      let name = parameters[node.parameters[0]].name
      let grid =
        node.weightScale.map {
          WeightGrid(scales: weights[parameters[$0].name]!.values(as: Float.self), bits: bits)
        } ?? WeightGrid(weights[name]!, bits: bits)
      onGrid[name] = grid.fakeQuantize(weights[name]!)
    }
    return try foldingBatchNorm(onGrid)
  }
}
