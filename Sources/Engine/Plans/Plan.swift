import Glibc
import Graphs
import Tensors

/// What training and inference plans have in common: compiled steps, their memory, and timing.
final class Plan {
  let graph: Graph
  let batchSize: Int
  let state: PlanState
  let steps: [any PlanStep]
  let compiled: PlanCompiler.Result
  private let device: ComputeDevice
  private let store: ParameterStore
  /// By step: from which element on all gradients are final once its backward pass is done.
  private let finalFrom: [Int]
  private let learnedSites: LearnedSites
  private var keptAlive: AlignedBuffer?
  var profile: PlanProfile?

  init(
    graph: Graph, batchSize: Int, options: PlanOptions, store: ParameterStore,
    reduction: AlignedBuffer?
  ) throws(EngineError) {
    do { try graph.validate() } catch { throw EngineError(error.description) }
    self.graph = graph
    self.batchSize = batchSize
    self.store = store
    keptAlive = reduction
    device = try ComputeDevice()
    let gradients = reduction?.base.assumingMemoryBound(to: Float.self)
    var compiler = PlanCompiler(
      graph: graph, batchSize: batchSize, options: options, store: store, gradients: gradients,
      shardStatistics: gradients.map { $0 + store.layout.trainableCount })
    compiled = try compiler.compile(on: device)
    try device.bindScratch()
    steps = compiled.steps
    finalFrom = Self.finalFrom(steps.map(\.name), graph, store.layout)
    learnedSites = LearnedSites(graph, store, gradients: gradients)
    state = PlanState(
      sites: graph.sites, maximumChannels: compiled.maximumChannels)
  }

  func prepareWeights() {
    let start = profile == nil ? 0 : monotonicSeconds()
    learnedSites.setGrids(state)
    for step in steps { step.prepareWeights() }
    if profile != nil { profile!.prepareSeconds += monotonicSeconds() - start }
  }

  func forward() {
    for (index, step) in steps.enumerated() {
      timed(index, \.forwardSeconds) { step.forward(state) }
    }
  }

  /// Runs the steps in reverse, and after each calls `final` with the element from which on all
  /// gradients are final.
  func backward<Failure: Error>(_ final: (Int) throws(Failure) -> Void) throws(Failure) {
    learnedSites.clearSums(state)
    for index in steps.indices.reversed() {
      timed(index, \.backwardSeconds) { steps[index].backward(state) }
      if index == 0 { learnedSites.writeGradients(state) }
      try final(finalFrom[index])
    }
  }

  /// Gradients that the steps before a step write end where those of all later ones are final.
  ///
  /// A step has the name of its first node. Parameters of a node that gives no step its name count
  /// as written by the last step of the backward pass, and so do those of quantizers.
  private static func finalFrom(_ names: [String], _ graph: Graph, _ layout: ParameterLayout)
    -> [Int]
  {
    var end = [Int](repeating: 0, count: names.count + 1)
    let stepOfName = Dictionary(zip(names, names.indices), uniquingKeysWith: { min($0, $1) })
    for node in graph.nodes {
      for p in node.parameters where graph.parameters[p].role.isTrainable {
        // Outstanding while any step up to this one is.
        let first = (stepOfName[node.name] ?? 0) + 1
        let upper = layout.offsets[p] + graph.parameters[p].shape.elementCount
        end[first] = max(end[first], upper)
      }
    }
    for index in end.indices.dropFirst() {
      end[index] = max(end[index], end[index - 1], layout.quantizerCount)
    }
    return names.indices.map { end[$0] }
  }

  @inline(__always)
  private func timed(
    _ index: Int, _ kind: WritableKeyPath<PlanProfile.Entry, Double>, _ body: () -> Void
  ) {
    if profile == nil { return body() }
    state.convolutionSeconds = 0
    let start = monotonicSeconds()
    body()
    profile!.entries[index][keyPath: kind] += monotonicSeconds() - start
    profile!.entries[index].kernelSeconds += state.convolutionSeconds!
  }

  func startProfile() {
    profile = PlanProfile(
      entries: steps.map { step in
        let convolution = step as? ConvolutionStep
        return .init(
          name: step.name, isConvolution: step.isConvolution,
          operationCount: convolution?.kernel.geometry.operationCount ?? 0,
          implementations: convolution?.kernel.implementations ?? [])
      })
  }

  /// The input's memory, `[N, H, W, C]`.
  var input: UnsafeMutablePointer<Float> {
    // Who asks for it may write to it.
    state.inputIsQuantized = false
    return compiled.activationAddress[graph.inputs[0]]!
  }

  /// Fills the input from pictures of 8 bits, `x = p / 255`: the first `count` pictures of the batch.
  ///
  /// Where the graph puts them on a grid of bytes, a table does both at once.
  func setInput(_ pixels: UnsafePointer<UInt8>, count: Int) {
    precondition(count <= batchSize, "\(count) pictures for a batch of \(batchSize)")
    let count = count * graph.values[graph.inputs[0]].shape.elementCount
    state.inputIsQuantized = false
    if let bytes = compiled.pictureBytes, state.quantizationMode == .quantize {
      let grid = state.grid(at: bytes.site)
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 256) { real in
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { table in
          for p in 0..<256 { real[p] = Float(p) / 255 }
          byteTile(real.baseAddress!, count: 256, grid)
          for p in 0..<256 { table[p] = UInt8(real[p]) }
          let (table, out) = (table.baseAddress!, bytes.address)
          for i in 0..<count { out[i] = table[Int(pixels[i])] }
        }
      }
      state.inputIsQuantized = true
      return
    }
    let x = input
    for i in 0..<count { x[i] = Float(pixels[i]) / 255 }
  }

  /// The numbers of a value as real ones, if its memory still holds them; `nil` inside a pass.
  func numbers(of value: Int) -> [Float]? {
    guard let rows = compiled.rows[value] else { return nil }
    let rowCount = batchSize * graph.values[value].shape.elementCount / rows.channels
    var result = [Float](repeating: 0, count: rowCount * rows.channels)
    let decoding =
      rows.format == .gridByte ? state.grid(at: compiled.sites[value]!).decoding : .none
    for row in 0..<rowCount {
      loadTile(rows, row: row, rowCount: 1, decoding: decoding, state.tiles.a)
      for c in 0..<rows.channels {
        var x = state.tiles.a[c]
        if let unit = compiled.units[value] { x = x * unit.unit[c] + (unit.bias?[c] ?? 0) }
        result[row * rows.channels + c] = x
      }
    }
    return result
  }

  func activation(of value: Int) -> UnsafeMutablePointer<Float> {
    guard let address = compiled.activationAddress[value] else {
      preconditionFailure("value \(graph.values[value].name) has no memory: it is inside a pass")
    }
    return address
  }
}

/// Time spent in each step of a plan since profiling began.
public struct PlanProfile: Sendable {
  public struct Entry: Sendable {
    public var name: String
    public var isConvolution: Bool
    /// Multiply-adds of one pass, times two.
    public var operationCount: Int
    public var implementations: [String]
    public var forwardSeconds = 0.0
    public var backwardSeconds = 0.0
    /// Of both directions, inside the convolution alone.
    public var kernelSeconds = 0.0
  }

  public var entries: [Entry]
  /// Putting weights on their grids and into oneDNN's layouts.
  public var prepareSeconds = 0.0

  public var convolutionSeconds: Double { entries.reduce(0) { $0 + $1.kernelSeconds } }

  public var totalSeconds: Double {
    entries.reduce(0) { $0 + $1.forwardSeconds + $1.backwardSeconds }
  }
}

/// Seconds on a clock that never jumps.
func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
