public import Graphs
public import Quantization

/// The forward pass of a graph for a fixed number of pictures, with all memory planned.
///
/// For a graph with sites it computes on the integer grids: every value of a site is a grid point, every
/// quantized weight too. Convolutions run on these integers, or simulate them in FP32.
public final class InferencePlan {
  let plan: Plan
  /// The parameters; `prepareWeights` takes over changed weights.
  package let store: ParameterStore

  /// - Parameters:
  ///   - graph: usually with its batch norms folded; batch norms left use running statistics.
  ///   - grids: one per site; empty leaves the sites out.
  public init(
    graph: Graph, weights: NamedWeights, batchSize: Int, grids: [Grid] = [],
    options: PlanOptions = PlanOptions()
  ) throws(EngineError) {
    do { try graph.check(weights) } catch { throw EngineError(error.description) }
    guard grids.isEmpty || grids.count == graph.sites.count else {
      throw EngineError(
        "graph \(graph.name) has \(graph.sites.count) sites but \(grids.count) grids were given")
    }
    store = ParameterStore(graph)
    store.load(weights)
    var options = options
    if grids.isEmpty { options.integerConvolutions = false }
    plan = try Plan(
      graph: graph, batchSize: batchSize, options: options, store: store, reduction: nil)
    plan.state.batchNormMode = .running
    plan.state.quantizationMode = grids.isEmpty ? .off : .quantize
    for (site, grid) in grids.enumerated() { plan.state.grids[site] = grid }
    plan.prepareWeights()
  }

  /// A plan whose sites leave values as they are until they get a grid: `setGrid`.
  package init(partiallyQuantized graph: Graph, weights: NamedWeights, batchSize: Int)
    throws(EngineError)
  {
    do { try graph.check(weights) } catch { throw EngineError(error.description) }
    store = ParameterStore(graph)
    store.load(weights)
    plan = try Plan(
      graph: graph, batchSize: batchSize, options: PlanOptions(), store: store, reduction: nil)
    plan.state.batchNormMode = .running
    plan.state.quantizationMode = .quantize
    plan.state.isPartial = true
    plan.prepareWeights()
  }

  /// Puts the values of a site on another grid, or on none.
  package func setGrid(_ grid: Grid?, site: Int) {
    precondition(grid != nil || plan.state.isPartial, "site \(site) needs a grid")
    plan.state.grids[site] = grid
  }

  /// Takes over weights that were changed in the store.
  package func prepareWeights() { plan.prepareWeights() }

  public var graph: Graph { plan.graph }
  public var batchSize: Int { plan.batchSize }
  public var byteCount: Int { plan.compiled.byteCount }

  /// The input's memory, `[N, H, W, C]`.
  public var input: UnsafeMutablePointer<Float> { plan.input }

  /// Fills the input from pictures of 8 bits, `[count, H, W, C]`: `x = p / 255`.
  ///
  /// Fewer pictures than the batch size leave the rest of the input as it was.
  public func setInput(_ pixels: UnsafePointer<UInt8>, count: Int? = nil) {
    plan.setInput(pixels, count: count ?? batchSize)
  }

  public func forward() { plan.forward() }

  /// The numbers of any value after a forward pass, `[N, H, W, C]`; `nil` inside a pass.
  ///
  /// What convolutions read stays in memory up to the backward pass; what only passes between them
  /// read may have been written over by then.
  package func numbers(of value: Int) -> [Float]? { plan.numbers(of: value) }

  /// The memory of an output of the graph, `[N, H, W, C]`, valid until the next forward pass.
  public func output(_ value: Int) -> UnsafeMutablePointer<Float> { plan.activation(of: value) }

  public func startProfile() { plan.startProfile() }
  public var profile: PlanProfile? { plan.profile }
}
