public import Graphs
public import Quantization
import Tensors

/// Forward and backward of a graph for one shard of a fixed size, with all memory planned.
///
/// A step is: `prepareWeights()` once after the parameters changed, then for each shard
/// `setInput`, `forward`, gradients into `outputGradient`, `backward`. Nothing is allocated in it.
/// One thread uses a plan.
public final class TrainingPlan {
  private let plan: Plan
  private let buffer: AlignedBuffer

  /// - Parameters:
  ///   - batchSize: pictures per shard.
  ///   - store: the parameters; made for this graph or one with the same parameters.
  ///   - extraCount: further numbers behind the sums, for losses and counters that are reduced too.
  public init(
    graph: Graph, batchSize: Int, store: ParameterStore, extraCount: Int = 0,
    options: PlanOptions = PlanOptions()
  ) throws(EngineError) {
    let layout = store.layout
    self.extraCount = extraCount
    gradientCount = layout.trainableCount
    statisticsCount = layout.statisticsCount
    buffer = AlignedBuffer(
      byteCount: (layout.trainableCount + layout.statisticsCount + extraCount) * 4)
    plan = try Plan(
      graph: graph, batchSize: batchSize, options: options, store: store, reduction: buffer)
    self.options = options
    if options.integerConvolutions { plan.state.quantizationMode = .quantize }
  }

  public var graph: Graph { plan.graph }
  public var batchSize: Int { plan.batchSize }
  public let options: PlanOptions
  public let gradientCount, statisticsCount, extraCount: Int

  /// What is summed over shards: gradients in the store's layout, the shard's batch-norm statistics
  /// in the store's layout, and the extra numbers.
  public var sums: UnsafeMutablePointer<Float> { buffer.base.assumingMemoryBound(to: Float.self) }
  public var sumCount: Int { gradientCount + statisticsCount + extraCount }
  public var gradients: UnsafeMutablePointer<Float> { sums }
  public var shardStatistics: UnsafeMutablePointer<Float> { sums + gradientCount }
  public var extras: UnsafeMutablePointer<Float> { sums + gradientCount + statisticsCount }

  public var batchNormMode: BatchNormMode {
    get { plan.state.batchNormMode }
    set { plan.state.batchNormMode = newValue }
  }

  /// With integer convolutions always `.quantize`.
  public var quantizationMode: QuantizationMode {
    get { plan.state.quantizationMode }
    set {
      precondition(
        newValue == .quantize || !options.integerConvolutions,
        "a plan with integer convolutions cannot \(newValue)")
      plan.state.quantizationMode = newValue
    }
  }

  /// The grid of a site; every site needs one before a quantized pass.
  public func setGrid(_ grid: Grid, site: Int) { plan.state.grids[site] = grid }

  /// The smallest and largest value each site saw in the last forward pass; infinite if none.
  public func extremes(site: Int) -> (low: Float, high: Float) {
    (plan.state.extremes[site].low, plan.state.extremes[site].high)
  }

  /// Counts the values of every site in each forward pass while `quantizationMode` is `.observe`.
  public var histograms: SiteHistograms? {
    get { plan.state.histograms }
    set { plan.state.histograms = newValue }
  }

  /// Takes over changed parameters: quantizes weights, brings them into oneDNN's layouts.
  public func prepareWeights() { plan.prepareWeights() }

  /// The input's memory, `[N, H, W, C]`.
  public var input: UnsafeMutablePointer<Float> { plan.input }

  /// Fills the input from pictures of 8 bits, `[N, H, W, C]`: `x = p / 255`.
  public func setInput(_ pixels: UnsafePointer<UInt8>) {
    plan.setInput(pixels, count: batchSize)
  }

  public func forward() {
    plan.state.resetExtremes()
    plan.forward()
  }

  /// The numbers of any value after a forward pass, `[N, H, W, C]`; `nil` inside a pass.
  ///
  /// What convolutions read stays in memory up to the backward pass; what only passes between them
  /// read may have been written over by then.
  package func numbers(of value: Int) -> [Float]? { plan.numbers(of: value) }

  /// The memory of an output of the graph, `[N, H, W, C]`, valid until `backward` or the next forward pass.
  public func output(_ value: Int) -> UnsafeMutablePointer<Float> { plan.activation(of: value) }

  /// Where the loss puts its gradient with respect to an output, before `backward`.
  public func outputGradient(_ value: Int) -> UnsafeMutablePointer<Float> {
    guard let address = plan.compiled.gradientAddress[value] else {
      preconditionFailure(
        "value \(graph.values[value].name) is no output that depends on parameters")
    }
    return address
  }

  /// Fills `gradients`: every learned parameter's, for this shard.
  public func backward() { plan.backward { _ in } }

  /// The same, and between its pieces calls `final` with the element of `gradients` from which on
  /// all are final: it falls to 0, which comes last.
  public func backward<Failure: Error>(_ final: (_ from: Int) throws(Failure) -> Void)
    throws(Failure)
  {
    try plan.backward(final)
  }

  /// Bytes of activations, gradients of activations and weights in oneDNN's layouts.
  public var byteCount: Int { plan.compiled.byteCount + buffer.byteCount }

  public func startProfile() { plan.startProfile() }
  public var profile: PlanProfile? { plan.profile }
}
