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
    state = PlanState(
      siteCount: graph.sites.count, maximumChannels: compiled.maximumChannels)
  }

  func prepareWeights() { for step in steps { step.prepareWeights() } }

  func forward() {
    for (index, step) in steps.enumerated() {
      timed(index, \.forwardSeconds) { step.forward(state) }
    }
  }

  func backward() {
    for index in steps.indices.reversed() {
      timed(index, \.backwardSeconds) { steps[index].backward(state) }
    }
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
