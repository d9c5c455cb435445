import Graphs
import Tensors

/// Turns a graph of a fixed batch size into steps with memory: fuses what can be one pass, plans the
/// memory once, makes every primitive once.
struct PlanCompiler {
  let graph: Graph
  let N: Int
  let trains: Bool
  let store: ParameterStore
  /// Gradients in the layout of the store, then the shard's statistics; `nil` when not training.
  let gradients: UnsafeMutablePointer<Float>?
  let shardStatistics: UnsafeMutablePointer<Float>?

  private var planner = MemoryPlanner()
  private var pieces: [Piece] = []
  /// Requests of the planner by value: activation and gradient.
  private var activation: [Int?]
  private var gradient: [Int?]
  private var needsGradient: [Bool]

  /// One or more nodes that become one step.
  private struct Piece {
    var nodes: [Int]
    var inputs: [Int]
    var output: Int
    /// Per input, whether this piece's gradient is added to what others wrote before it.
    var accumulates: [Bool] = []
    /// Planner requests for memory of its own.
    var scratch: [Int] = []
  }

  struct Result {
    var steps: [any PlanStep]
    var memory: AlignedBuffer
    var activationAddress: [UnsafeMutablePointer<Float>?]
    var gradientAddress: [UnsafeMutablePointer<Float>?]
    /// Bytes of all memory bound to the plan besides the parameters.
    var byteCount: Int
  }

  init(
    graph: Graph, batchSize: Int, store: ParameterStore,
    gradients: UnsafeMutablePointer<Float>? = nil,
    shardStatistics: UnsafeMutablePointer<Float>? = nil
  ) {
    self.graph = graph
    N = batchSize
    trains = gradients != nil
    self.store = store
    self.gradients = gradients
    self.shardStatistics = shardStatistics
    activation = Array(repeating: nil, count: graph.values.count)
    gradient = Array(repeating: nil, count: graph.values.count)
    needsGradient = Array(repeating: false, count: graph.values.count)
  }

  mutating func compile(on device: ComputeDevice) throws(EngineError) -> Result {
    fuse()
    findGradients()
    requestMemory()
    let (offsets, byteCount) = planner.plan()
    let memory = AlignedBuffer(byteCount: byteCount)
    let place = Places(memory: memory, offsets: offsets)
    var steps: [any PlanStep] = []
    var convolutionBytes = 0
    for piece in pieces {
      let step = try step(for: piece, place, on: device)
      if let convolution = step as? ConvolutionStep {
        convolutionBytes += convolution.kernel.privateByteCount
      }
      steps.append(step)
    }
    return Result(
      steps: steps, memory: memory,
      activationAddress: activation.map { $0.map { place.floats($0) } },
      gradientAddress: gradient.map { $0.map { place.floats($0) } },
      byteCount: byteCount + convolutionBytes)
  }

  // MARK: - What is one step

  /// Batch norm, activation and fake-quantization in a row, read by nothing else between, are one piece.
  private mutating func fuse() {
    let consumers = graph.consumers()
    var absorbed = Set<Int>()
    func follower(_ value: Int) -> Int? {
      guard consumers[value].count == 1, !graph.outputs.contains(value) else { return nil }
      return consumers[value][0]
    }
    for (index, node) in graph.nodes.enumerated() where !absorbed.contains(index) {
      var chain = [index]
      if let rank = Self.pointwiseRank(node.operation) {
        var last = rank
        while let next = follower(graph.nodes[chain[chain.count - 1]].output),
          let rank = Self.pointwiseRank(graph.nodes[next].operation), rank > last
        {
          chain.append(next)
          absorbed.insert(next)
          last = rank
        }
      }
      pieces.append(
        Piece(
          nodes: chain, inputs: node.inputs, output: graph.nodes[chain[chain.count - 1]].output))
    }
  }

  /// The place of an operation inside a pointwise pass.
  private static func pointwiseRank(_ operation: Operation) -> Int? {
    switch operation {
    case .batchNorm: 0
    case .activation: 1
    case .fakeQuantize: 2
    default: nil
    }
  }

  // MARK: - Which gradients exist, and who adds to whom

  private mutating func findGradients() {
    guard trains else { return }
    for piece in pieces {
      let learns = piece.nodes.contains { node in
        graph.nodes[node].parameters.contains { graph.parameters[$0].role.isTrainable }
      }
      needsGradient[piece.output] = learns || piece.inputs.contains { needsGradient[$0] }
    }
    // A value that no output depends on has no gradient, and its readers pass none on.
    var reachesOutput = [Bool](repeating: false, count: graph.values.count)
    for output in graph.outputs { reachesOutput[output] = true }
    for piece in pieces.reversed() where reachesOutput[piece.output] {
      for input in piece.inputs { reachesOutput[input] = true }
    }
    for value in needsGradient.indices where !reachesOutput[value] { needsGradient[value] = false }
    // Backward runs over the pieces in reverse: the last reader of a value writes its gradient first.
    // The loss has written those of the outputs before.
    var written = Set(graph.outputs)
    for index in pieces.indices.reversed() {
      let writes = needsGradient[pieces[index].output]
      for input in pieces[index].inputs {
        pieces[index].accumulates.append(writes && !written.insert(input).inserted)
      }
    }
  }

  // MARK: - Memory

  /// Time runs 0 ..< P forward, P at the loss, and P + 1 ... 2P backward.
  private mutating func requestMemory() {
    let P = pieces.count
    func backwardTime(_ piece: Int) -> Int { 2 * P - piece }
    var birth = [Int?](repeating: nil, count: graph.values.count)
    var death = [Int](repeating: 0, count: graph.values.count)
    var gradientBirth = [Int](repeating: Int.max, count: graph.values.count)
    var gradientDeath = [Int](repeating: 0, count: graph.values.count)
    for input in graph.inputs { birth[input] = 0 }
    for (index, piece) in pieces.enumerated() {
      birth[piece.output] = index
      death[piece.output] = max(death[piece.output], index)
      gradientDeath[piece.output] = backwardTime(index)
      let rereads = trains && readsInputBackward(piece)
      for input in piece.inputs {
        death[input] = max(death[input], rereads ? backwardTime(index) : index)
        gradientBirth[input] = min(gradientBirth[input], backwardTime(index))
      }
    }
    for output in graph.outputs {
      death[output] = max(death[output], trains ? P : pieces.count)
      gradientBirth[output] = P
    }
    // A caller fills the inputs before each forward pass, and may read them after it.
    for input in graph.inputs { death[input] = trains ? 2 * P : P }

    for value in graph.values.indices {
      guard let start = birth[value] else { continue }
      let bytes = N * graph.values[value].shape.elementCount * 4
      activation[value] = planner.request(byteCount: bytes, from: start, to: death[value])
      if needsGradient[value], gradientBirth[value] <= gradientDeath[value] {
        gradient[value] = planner.request(
          byteCount: bytes, from: gradientBirth[value], to: gradientDeath[value])
      }
    }
    for index in pieces.indices {
      let piece = pieces[index]
      switch graph.nodes[piece.nodes[0]].operation {
      case .maxPool:
        let count = N * graph.values[piece.output].shape.elementCount
        pieces[index].scratch = [
          planner.request(byteCount: count, from: index, to: trains ? backwardTime(index) : index)
        ]
      case .convolution, .linear:
        if trains, needsGradient[piece.inputs[0]], piece.accumulates[0] {
          let count = N * graph.values[piece.inputs[0]].shape.elementCount
          pieces[index].scratch = [
            planner.request(
              byteCount: count * 4, from: backwardTime(index), to: backwardTime(index))
          ]
        }
      default: break
      }
    }
  }

  private func readsInputBackward(_ piece: Piece) -> Bool {
    switch graph.nodes[piece.nodes[0]].operation {
    case .convolution, .linear, .batchNorm, .activation, .fakeQuantize: true
    default: false
    }
  }

  /// Addresses of what the planner gave out.
  private struct Places {
    var memory: AlignedBuffer
    var offsets: [Int]

    func floats(_ request: Int) -> UnsafeMutablePointer<Float> {
      (memory.base + offsets[request]).assumingMemoryBound(to: Float.self)
    }

    func bytes(_ request: Int) -> UnsafeMutablePointer<UInt8> {
      (memory.base + offsets[request]).assumingMemoryBound(to: UInt8.self)
    }
  }

  // MARK: - Steps

  private func step(for piece: Piece, _ place: Places, on device: ComputeDevice)
    throws(EngineError) -> any PlanStep
  {
    let node = graph.nodes[piece.nodes[0]]
    func x(_ i: Int) -> UnsafeMutablePointer<Float> { place.floats(activation[piece.inputs[i]]!) }
    let y = place.floats(activation[piece.output]!)
    let dy = gradient[piece.output].map { place.floats($0) }
    func target(_ i: Int) -> GradientTarget? {
      guard let request = gradient[piece.inputs[i]] else { return nil }
      return GradientTarget(address: place.floats(request), accumulate: piece.accumulates[i])
    }
    let input = graph.values[piece.inputs[0]].shape
    let output = graph.values[piece.output].shape
    func extents(_ shape: Shape) -> (H: Int, W: Int, C: Int) {
      shape.rank == 3 ? (shape[0], shape[1], shape[2]) : (1, 1, shape[0])
    }
    let (H, W, C) = extents(input)
    let (P, Q, O) = extents(output)

    switch node.operation {
    case .convolution(_, let kernel, let stride, let padding, let groups, _):
      let geometry = Convolution.Geometry(
        N: N, H: H, W: W, C: C, P: P, Q: Q, O: O, kernel: kernel, stride: stride, padding: padding,
        groups: groups)
      return try convolutionStep(node, geometry, x(0), y, dy, target(0), piece, place, device)
    case .linear:
      let geometry = Convolution.Geometry(
        N: N, H: 1, W: 1, C: C, P: 1, Q: 1, O: O, kernel: 1, stride: 1, padding: 0, groups: 1)
      return try convolutionStep(node, geometry, x(0), y, dy, target(0), piece, place, device)
    case .batchNorm, .activation, .fakeQuantize:
      return pointwiseStep(piece, rows: N * P * Q, C: O, x(0), y, dy, target(0))
    case .add:
      return AddStep(
        name: node.name, count: N * output.elementCount, a: x(0), b: x(1), y: y, dy: dy,
        targets: [target(0), target(1)].compactMap { $0 })
    case .sigmoid, .multiply:
      throw EngineError(
        "graph \(graph.name), node \(node.name): \(node.operation.name) is not supported yet")
    case .concat:
      var (forward, backward, channel) = ([ChannelStep.Move](), [ChannelStep.Move](), 0)
      for (i, value) in piece.inputs.enumerated() {
        let count = graph.values[value].shape[2]
        let copy = ChannelCopy(
          rows: N * P * Q, count: count, sourceC: count, sourceChannel: 0, targetC: O,
          targetChannel: channel)
        forward.append(.init(copy: copy, from: x(i), to: y))
        if let dy, let target = target(i) {
          let back = ChannelCopy(
            rows: N * P * Q, count: count, sourceC: O, sourceChannel: channel, targetC: count,
            targetChannel: 0)
          backward.append(
            .init(copy: back, from: dy, to: target.address, accumulate: target.accumulate))
        }
        channel += count
      }
      return ChannelStep(name: node.name, forward: forward, backward: backward)
    case .slice(let from, let count):
      let copy = ChannelCopy(
        rows: N * P * Q, count: count, sourceC: C, sourceChannel: from, targetC: count,
        targetChannel: 0)
      var backward: [ChannelStep.Move] = []
      if let dy, let target = target(0) {
        let back = ChannelCopy(
          rows: N * P * Q, count: count, sourceC: count, sourceChannel: 0, targetC: C,
          targetChannel: from)
        backward = [
          .init(
            copy: back, from: dy, to: target.address, accumulate: true,
            clears: target.accumulate ? 0 : N * input.elementCount)
        ]
      }
      return ChannelStep(
        name: node.name, forward: [.init(copy: copy, from: x(0), to: y)], backward: backward)
    case .upsample(let factor):
      return UpsampleStep(
        name: node.name, kernel: Upsample(N: N, H: H, W: W, C: C, factor: factor), x: x(0), y: y,
        dy: dy, target: target(0))
    case .maxPool(let kernel, let stride, let padding):
      guard kernel <= MaxPool.kernelLimit else {
        throw EngineError(
          "graph \(graph.name), node \(node.name): the engine pools over windows of at most \(MaxPool.kernelLimit) pixels a side, not \(kernel)"
        )
      }
      return MaxPoolStep(
        name: node.name,
        kernel: MaxPool(
          N: N, H: H, W: W, C: C, P: P, Q: Q, kernel: kernel, stride: stride, padding: padding),
        x: x(0), y: y, chosen: place.bytes(piece.scratch[0]), dy: dy, target: target(0))
    case .globalAveragePool:
      return GlobalAveragePoolStep(
        name: node.name, kernel: GlobalAveragePool(N: N, I: H * W, C: C), x: x(0), y: y, dy: dy,
        target: target(0))
    }
  }

  private func gradientAddress(_ parameter: Int) -> UnsafeMutablePointer<Float>? {
    gradients.map { $0 + store.layout.offsets[parameter] }
  }

  private func convolutionStep(
    _ node: Node, _ geometry: Convolution.Geometry, _ x: UnsafeMutablePointer<Float>,
    _ y: UnsafeMutablePointer<Float>, _ dy: UnsafeMutablePointer<Float>?,
    _ target: GradientTarget?, _ piece: Piece, _ place: Places, _ device: ComputeDevice
  ) throws(EngineError) -> ConvolutionStep {
    let weight = node.parameters[0]
    let bias = node.parameters.count > 1 ? node.parameters[1] : nil
    let stored = store.address(of: weight, in: graph)
    var quantization: ConvolutionStep.QuantizedWeight?
    var copy: AlignedBuffer?
    if let bits = node.weightBits {
      let shape = graph.parameters[weight].shape
      let buffer = AlignedBuffer(byteCount: shape.elementCount * 4)
      copy = buffer
      quantization = .init(
        source: stored, copy: buffer.base.assumingMemoryBound(to: Float.self), O: shape[0],
        count: shape.elementCount / shape[0], limit: Float((1 << (bits - 1)) - 1))
    }
    let scratch = piece.scratch.first.map { place.floats($0) }
    let kernel = try Convolution(
      geometry,
      .init(
        x: x, y: y, weight: quantization?.copy ?? stored,
        bias: bias.map { store.address(of: $0, in: graph) }, dy: dy,
        dx: target.map { scratch ?? $0.address }, dWeight: gradientAddress(weight),
        dBias: bias.flatMap { gradientAddress($0) }),
      keeping: copy, on: device, name: node.name)
    var addsTo: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int)?
    if let scratch, let target {
      addsTo = (scratch, target.address, geometry.N * geometry.H * geometry.W * geometry.C)
    }
    return ConvolutionStep(
      name: node.name, kernel: kernel, quantization: quantization, addsTo: addsTo)
  }

  private func pointwiseStep(
    _ piece: Piece, rows: Int, C: Int, _ x: UnsafeMutablePointer<Float>,
    _ y: UnsafeMutablePointer<Float>, _ dy: UnsafeMutablePointer<Float>?, _ target: GradientTarget?
  ) -> PointwiseStep {
    var norm: PointwiseStep.Norm?
    var activation: Activation?
    var site: Int?
    for index in piece.nodes {
      let node = graph.nodes[index]
      switch node.operation {
      case .batchNorm(let epsilon, _):
        let p = node.parameters
        norm = .init(
          epsilon: epsilon, scale: store.address(of: p[0], in: graph),
          shift: store.address(of: p[1], in: graph),
          runningMean: store.address(of: p[2], in: graph),
          runningVariance: store.address(of: p[3], in: graph), dScale: gradientAddress(p[0]),
          dShift: gradientAddress(p[1]),
          shardMean: shardStatistics.map { $0 + store.layout.offsets[p[2]] },
          shardVariance: shardStatistics.map { $0 + store.layout.offsets[p[3]] })
      case .activation(let kind): activation = kind
      case .fakeQuantize(let s): site = s
      default: preconditionFailure("\(node.operation.name) in a pointwise pass")
      }
    }
    return PointwiseStep(
      name: graph.nodes[piece.nodes[0]].name,
      kernel: Pointwise(rows: rows, C: C, activation: activation), norm: norm, site: site, x: x,
      y: y, dy: dy, target: target)
  }
}
