import Graphs
import Tensors

/// Turns a graph of a fixed batch size into steps with memory: fuses what can be one pass, plans the
/// memory once, makes every primitive once.
struct PlanCompiler {
  let graph: Graph
  let N: Int
  let trains: Bool
  let options: PlanOptions
  let store: ParameterStore
  /// Gradients in the layout of the store, then the shard's statistics; `nil` when not training.
  let gradients: UnsafeMutablePointer<Float>?
  let shardStatistics: UnsafeMutablePointer<Float>?

  var memory = MemoryRequests()
  var pieces: [PlanPiece]
  let layout: ValueLayout
  /// By value: read by a later pass alone, which turns integer sums into real numbers.
  var leavesUnit: [Bool]
  /// By value, of wholes: the parts of its gradient, in the order in which they are made.
  var parts: [[PlannedPart]]
  var needsGradient: [Bool]
  /// By output of the graph: where the loss puts its gradient.
  var lossGradient: [Int: Int] = [:]
  /// By piece: memory for its forward pass.
  var forwardScratch: [Int?]
  /// What convolutions read instead of their inputs; one copy serves all that want the same.
  var copies: [SourceCopy.Key: Int] = [:]
  /// By piece, of convolutions.
  var forwardSource, backwardSource: [SourceCopy?]

  struct Result {
    var steps: [any PlanStep]
    var memory: AlignedBuffer
    /// By value: where its rows lie as long as a step needs them; none for what is inside a pass.
    var rows: [Rows?]
    /// By value: whose grid its bytes are of.
    var sites: [Int?]
    /// By output of a convolution on integers that others turn into real numbers.
    var units: [Int: IntegerUnit]
    /// By value of the graph: FP32 without gaps, for inputs and outputs.
    var activationAddress: [UnsafeMutablePointer<Float>?]
    var gradientAddress: [UnsafeMutablePointer<Float>?]
    /// Values that stay up to the loss, besides the outputs.
    var kept: [Int]
    /// Where pictures go that are put on the grid as they come in, and on which.
    var pictureBytes: (address: UnsafeMutablePointer<UInt8>, site: Int)?
    var maximumChannels: Int
    /// Bytes of all memory bound to the plan besides the parameters.
    var byteCount: Int
  }

  init(
    graph: Graph, batchSize: Int, options: PlanOptions, store: ParameterStore,
    gradients: UnsafeMutablePointer<Float>? = nil,
    shardStatistics: UnsafeMutablePointer<Float>? = nil
  ) {
    self.graph = graph
    N = batchSize
    trains = gradients != nil
    self.options = options
    self.store = store
    self.gradients = gradients
    self.shardStatistics = shardStatistics
    var kept = Set(graph.outputs)
    if options.keepsSites {
      for node in graph.nodes {
        if case .fakeQuantize = node.operation { kept.insert(node.output) }
      }
    }
    pieces = [PlanPiece](graph, keeping: kept)
    layout = ValueLayout(graph, pieces, batchSize: batchSize, options, &memory)
    leavesUnit = Array(repeating: false, count: graph.values.count)
    parts = Array(repeating: [], count: graph.values.count)
    needsGradient = Array(repeating: false, count: graph.values.count)
    forwardScratch = Array(repeating: nil, count: pieces.count)
    forwardSource = Array(repeating: nil, count: pieces.count)
    backwardSource = forwardSource
  }

  mutating func compile(on device: ComputeDevice) throws(EngineError) -> Result {
    for value in options.kept where layout.home[layout.view[value].root] == nil {
      throw EngineError(
        "graph \(graph.name): \(graph.values[value].name) is inside what is computed in one pass; name the activation behind it, or one that is read by several layers"
      )
    }
    findUnits()
    requestForward()
    if trains {
      findGradients()
      requestBackward()
    }
    let places = memory.place()
    var units: [Int: IntegerUnit] = [:]
    var steps: [any PlanStep] = []
    var privateBytes = 0
    for index in pieces.indices where !pieces[index].isView {
      let step = try step(for: index, places, &units, on: device)
      if let convolution = step as? ConvolutionStep {
        privateBytes += convolution.kernel.privateByteCount
      }
      steps.append(step)
    }
    var activationAddress = [UnsafeMutablePointer<Float>?](
      repeating: nil, count: graph.values.count)
    var gradientAddress = activationAddress
    for value in graph.inputs + graph.outputs {
      activationAddress[value] = layout.rows(value, places).floats
    }
    for (value, request) in lossGradient {
      gradientAddress[value] = places.address(request).assumingMemoryBound(to: Float.self)
    }
    var rows = [Rows?](repeating: nil, count: graph.values.count)
    for value in graph.inputs + pieces.map(\.output) { rows[value] = layout.rows(value, places) }
    return Result(
      steps: steps, memory: places.memory, rows: rows, sites: layout.site, units: units,
      activationAddress: activationAddress,
      gradientAddress: gradientAddress, kept: options.kept, pictureBytes: pictureBytes(places),
      maximumChannels: graph.values.indices.map { layout.channels($0) }.max() ?? 1,
      byteCount: places.memory.byteCount + privateBytes)
  }

  /// Time runs 0 ..< P forward, P at the loss, and P + 1 ... 2P backward.
  var lossTime: Int { pieces.count }
  func backwardTime(_ piece: Int) -> Int { 2 * pieces.count - piece }

  // MARK: - Convolutions on integers

  /// Whether a piece is a convolution whose input lies in memory as integers of a grid.
  func isInteger(_ piece: PlanPiece) -> Bool {
    let node = graph.nodes[piece.node]
    switch node.operation {
    case .convolution(_, _, _, _, let groups, _):
      guard groups == 1 else { return false }
    case .linear: break
    default: return false
    }
    guard let bits = node.weightBits, bits <= 8 else { return false }
    return layout.format[layout.view[piece.inputs[0]].root] == .gridByte
  }

  private mutating func findUnits() {
    var readers = [[PlanPiece]](repeating: [], count: graph.values.count)
    for piece in pieces {
      for input in piece.inputs { readers[input].append(piece) }
      if let residual = piece.chain?.residual { readers[residual].append(piece) }
    }
    for piece in pieces where isInteger(piece) && !graph.outputs.contains(piece.output) {
      leavesUnit[piece.output] = readers[piece.output].allSatisfy {
        $0.chain != nil && $0.inputs == [piece.output] && $0.chain!.residual != piece.output
      }
    }
  }

  // MARK: - Memory of the forward pass

  private mutating func requestForward() {
    for value in graph.inputs {
      // A caller fills the inputs before each forward pass, and may read them after it.
      memory.touch(layout.request(value), at: 0)
      memory.touch(layout.request(value), at: trains ? 2 * lossTime : lossTime)
    }
    for index in pieces.indices where !pieces[index].isView {
      let piece = pieces[index]
      for input in piece.inputs { memory.touch(layout.request(input), at: index) }
      if let residual = piece.chain?.residual {
        memory.touch(layout.request(residual), at: index)
      }
      memory.touch(layout.request(piece.output), at: index)
      if options.keepsSites { memory.touch(layout.request(piece.output), at: lossTime) }
      if graph.isConvolution(piece) {
        forwardSource[index] = forwardSource(of: piece, at: index)
        continue
      }
      forwardScratch[index] = scratch(forwardOf: piece)
      if let request = forwardScratch[index] {
        memory.touch(request, at: index)
        if trains, case .maxPool = graph.nodes[piece.node].operation {
          memory.touch(request, at: backwardTime(index))
        }
      }
    }
    for value in graph.outputs + options.kept {
      memory.touch(layout.request(value), at: lossTime)
    }
  }

  /// Of what convolutions read in floating point, and of gradients between two passes.
  var realFormat: ElementFormat { options.precision == .bfloat16 ? .bfloat16 : .float32 }

  /// The format in which a piece's kernel reads its input.
  func sourceFormat(_ piece: PlanPiece) -> ElementFormat {
    switch graph.nodes[piece.node].operation {
    case .convolution, .linear:
      isInteger(piece) ? .gridByte : realFormat
    case .upsample, .maxPool: layout.format[piece.output]
    default: .float32
    }
  }

  /// Whether a piece's kernel cannot read its input where it lies.
  func copiesSource(_ piece: PlanPiece) -> Bool {
    let input = piece.inputs[0]
    let format = layout.format[layout.view[input].root]
    switch graph.nodes[piece.node].operation {
    case .globalAveragePool:
      return format != sourceFormat(piece) || !layout.isDense(input)
    case .upsample, .maxPool: return format != sourceFormat(piece)
    case .batchNorm: return format == .gridByte || !layout.isDense(input)
    default: return false
    }
  }

  private mutating func scratch(forwardOf piece: PlanPiece) -> Int? {
    let input = piece.inputs[0]
    let count = layout.rowCount(input) * layout.channels(input)
    let copyBytes = copiesSource(piece) ? count * sourceFormat(piece).byteCount : 0
    if case .maxPool = graph.nodes[piece.node].operation {
      // The positions, and behind them the copy.
      return memory.request(byteCount: chosenByteCount(piece) + copyBytes)
    }
    return copyBytes > 0 ? memory.request(byteCount: copyBytes) : nil
  }

  /// Whole cache lines.
  func chosenByteCount(_ piece: PlanPiece) -> Int {
    let count = layout.rowCount(piece.output) * layout.channels(piece.output)
    return (count + 63) / 64 * 64
  }
}

/// What makes the sums of a convolution on integers real numbers.
struct IntegerUnit {
  /// `weightScales[o]·inputScale`.
  var unit: UnsafePointer<Float>
  var weightScales: UnsafePointer<Float>
  var inputScale: UnsafePointer<Float>
  var bias: UnsafePointer<Float>?
  /// `[O, weightsPerChannel]`.
  var weights: UnsafePointer<Int8>
  var weightsPerChannel: Int

  /// Whether all weights of a channel are 0.
  func isDead(_ channel: Int) -> Bool {
    let first = weights + channel * weightsPerChannel
    for i in 0..<weightsPerChannel where first[i] != 0 { return false }
    return true
  }
}
