import Graphs
import Quantization
import Tensors

/// Turns a deployed network into operations on integers.
///
/// In fixed point and with float factors, an operation, a ReLU behind it and the site behind that are
/// one step whose integers lie on the site's grid. What a target computes in FP32 stays in steps of its own: with a float
/// epilogue everything but the sums, with float factors what has no integers on both sides.
struct IntegerCompiler {
  struct Result {
    var steps: [any IntegerStep]
    /// By value; `nil` inside an operation.
    var storage: [IntegerStorage?]
    /// The outputs of the graph as real numbers.
    var outputs: [Int: UnsafeMutablePointer<Float>]
    var memory: [AlignedBuffer]
  }

  let network: DeployedNetwork
  let N: Int
  let arithmetic: IntegerArithmetic
  private let consumers: [[Int]]
  var storage: [IntegerStorage?]
  private var steps: [any IntegerStep] = []
  private var absorbed = Set<Int>()
  private var memory: [AlignedBuffer] = []

  var graph: Graph { network.graph }

  init(_ network: DeployedNetwork, batchSize: Int, _ arithmetic: IntegerArithmetic) {
    self.network = network
    N = batchSize
    self.arithmetic = arithmetic
    consumers = network.graph.consumers()
    storage = Array(repeating: nil, count: network.graph.values.count)
  }

  mutating func compile() throws(EngineError) -> Result {
    for input in graph.inputs {
      let x = newReal(input)
      storage[input] = .real(x)
    }
    for index in graph.nodes.indices where !absorbed.contains(index) {
      let next = try step(for: index)
      steps.append(next)
    }
    var outputs: [Int: UnsafeMutablePointer<Float>] = [:]
    for value in graph.outputs {
      let x = newReal(value)
      outputs[value] = x
    }
    return Result(steps: steps, storage: storage, outputs: outputs, memory: memory)
  }

  func error(_ node: Node, _ reason: String) -> EngineError {
    EngineError("graph \(graph.name), node \(node.name): \(reason)")
  }

  // MARK: - Values

  func extents(_ value: Int) -> IntegerExtents {
    let shape = graph.values[value].shape
    return shape.rank == 3
      ? IntegerExtents(N: N, H: shape[0], W: shape[1], C: shape[2])
      : IntegerExtents(N: N, H: 1, W: 1, C: shape[0])
  }

  private mutating func buffer(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let buffer = AlignedBuffer(byteCount: byteCount + AlignedBuffer.alignment)
    memory.append(buffer)
    return buffer.base
  }

  mutating func newReal(_ value: Int) -> UnsafeMutablePointer<Float> {
    buffer(extents(value).count * 4).assumingMemoryBound(to: Float.self)
  }

  private mutating func newIntegers(_ value: Int, _ grid: Grid) -> UnsafeMutablePointer<Int8> {
    let q = buffer(extents(value).count).assumingMemoryBound(to: Int8.self)
    storage[value] = .integers(q, grid)
    return q
  }

  private func integers(_ value: Int, of node: Node) throws(EngineError) -> (
    UnsafeMutablePointer<Int8>, Grid
  ) {
    guard case .integers(let q, let grid) = storage[value] else {
      throw error(
        node,
        "its input \(graph.values[value].name) lies on no grid, and the integer engine computes this on integers only; place sites for a target"
      )
    }
    return (q, grid)
  }

  private func isInteger(_ value: Int) -> Bool {
    if case .integers = storage[value] { true } else { false }
  }

  // MARK: - Where an operation ends

  /// The grid in which an operation ends, behind its ReLU, and the ends of its result there.
  private struct End {
    var value: Int
    var grid: Grid
    var low, high: Int32
    var nodes: [Int]
  }

  private func end(of node: Node) -> End? {
    guard arithmetic != .floatEpilogue else { return nil }
    var value = node.output
    var activation: Activation?
    var nodes: [Int] = []
    while consumers[value].count == 1, !graph.outputs.contains(value) {
      let index = consumers[value][0]
      let next = graph.nodes[index]
      nodes.append(index)
      switch next.operation {
      case .activation(let kind) where activation == nil && kind != .silu && canClip(node):
        activation = kind
      case .fakeQuantize(let site):
        let grid = network.grids[site]
        var (low, high) = (grid.minimum, grid.maximum)
        if activation != nil { low = max(low, grid.zeroPoint) }
        if activation == .relu6 {
          let six = (6 / grid.scale).rounded(
            arithmetic == .fixedPoint ? .toNearestOrAwayFromZero : .toNearestOrEven)
          high = min(high, Int32(min(six, 1000)) + grid.zeroPoint)
        }
        // onnxruntime drops a ReLU that the grid's ends do by themselves; else it computes in FP32.
        if arithmetic == .floatFactor, low > grid.minimum || high < grid.maximum { return nil }
        return End(value: next.output, grid: grid, low: low, high: high, nodes: nodes)
      default: return nil
      }
      value = next.output
    }
    return nil
  }

  private func canClip(_ node: Node) -> Bool {
    switch node.operation {
    case .convolution, .linear, .add: true
    default: false
    }
  }

  /// The end of an operation whose inputs are integers too; else it is one of real numbers.
  private mutating func integerEnd(_ node: Node) throws(EngineError) -> End? {
    if node.inputs.allSatisfy({ isInteger($0) }), let end = end(of: node) {
      absorbed.formUnion(end.nodes)
      return end
    }
    guard arithmetic != .fixedPoint else {
      throw error(
        node,
        "\(node.operation.name) has no integers on all its sides, which a target without float operations needs; train or calibrate for tflite or edgetpu"
      )
    }
    return nil
  }

  // MARK: - Steps

  private mutating func step(for index: Int) throws(EngineError) -> any IntegerStep {
    let node = graph.nodes[index]
    switch node.operation {
    case .convolution, .linear: return try layer(index)
    case .batchNorm: preconditionFailure("\(node.name): batch norms are folded before")
    case .sigmoid:
      guard let end = try integerEnd(node) else { return real(node, .sigmoid) }
      let (x, from) = try integers(node.inputs[0], of: node)
      let y = newIntegers(end.value, end.grid)
      return TableStep(
        name: node.name, output: end.value, x: x, y: y, count: extents(end.value).count,
        TableStep.sigmoid(from, end.grid, arithmetic))
    case .add, .multiply: return try pair(node)
    case .globalAveragePool:
      guard let end = try integerEnd(node) else {
        let y = newReal(node.output)
        storage[node.output] = .real(y)
        return RealMeanStep(
          name: node.name, output: node.output, x: storage[node.inputs[0]]!, y: y,
          extents(node.inputs[0]))
      }
      let (x, from) = try integers(node.inputs[0], of: node)
      let y = newIntegers(end.value, end.grid)
      return IntegerMeanStep(
        name: node.name, output: end.value, x: x, y: y, extents(node.inputs[0]), from: from,
        to: end.grid, arithmetic)
    case .activation(let kind):
      guard arithmetic != .fixedPoint else {
        throw error(
          node,
          kind == .silu
            ? "SiLU is LOGISTIC and MUL with integers between on a target without float operations, and this graph has no sites there; train or calibrate for tflite or edgetpu"
            : "\(kind.rawValue) must follow a convolution, linear layer or sum that nothing else reads"
        )
      }
      return real(node, ElementFunction(kind))
    case .fakeQuantize(let site):
      let x = storage[node.inputs[0]]!
      let y = newIntegers(node.output, network.grids[site])
      return QuantizeStep(
        name: node.name, output: node.output, x: x, y: y, grid: network.grids[site],
        count: extents(node.output).count)
    case .concat, .slice, .upsample, .maxPool: return try move(node)
    }
  }

  private mutating func real(_ node: Node, _ function: ElementFunction) -> any IntegerStep {
    let y = newReal(node.output)
    storage[node.output] = .real(y)
    return RealFunctionStep(
      name: node.name, output: node.output, function: function, x: storage[node.inputs[0]]!, y: y,
      count: extents(node.output).count)
  }

  private mutating func pair(_ node: Node) throws(EngineError) -> any IntegerStep {
    let multiplies = node.operation == .multiply
    guard let end = try integerEnd(node) else {
      let y = newReal(node.output)
      storage[node.output] = .real(y)
      return RealPairStep(
        name: node.name, output: node.output, multiplies: multiplies,
        a: storage[node.inputs[0]]!, b: storage[node.inputs[1]]!, y: y,
        count: extents(node.output).count)
    }
    let (a, gridA) = try integers(node.inputs[0], of: node)
    let (b, gridB) = try integers(node.inputs[1], of: node)
    let y = newIntegers(end.value, end.grid)
    return PairTableStep(
      name: node.name, output: end.value, a: a, b: b, y: y, count: extents(end.value).count,
      multiplies
        ? PairTableStep.product(gridA, gridB, end.grid, arithmetic)
        : PairTableStep.sum(gridA, gridB, end.grid, low: end.low, high: end.high, arithmetic))
  }

  private mutating func move(_ node: Node) throws(EngineError) -> any IntegerStep {
    var inputs: [(UnsafeMutablePointer<Int8>, Grid)] = []
    for value in node.inputs { inputs.append(try integers(value, of: node)) }
    let (x, grid) = inputs[0]
    guard inputs.allSatisfy({ $0.1 == grid }) else {
      throw error(node, "its inputs lie on different grids, and it cannot rescale them")
    }
    let y = newIntegers(node.output, grid)
    let (input, out) = (extents(node.inputs[0]), extents(node.output))
    switch node.operation {
    case .concat:
      let parts = zip(node.inputs, inputs).map { value, operand in
        let C = extents(value).C
        return IntegerChannelsStep.Part(x: operand.0, stride: C, first: 0, count: C)
      }
      return IntegerChannelsStep(name: node.name, output: node.output, parts: parts, y: y, out)
    case .slice(let from, let count):
      let part = IntegerChannelsStep.Part(x: x, stride: input.C, first: from, count: count)
      return IntegerChannelsStep(name: node.name, output: node.output, parts: [part], y: y, out)
    case .upsample(let factor):
      return IntegerUpsampleStep(
        name: node.name, output: node.output, factor: factor, x: x, y: y, out)
    case .maxPool(let kernel, let stride, let padding):
      return IntegerMaxPoolStep(
        name: node.name, output: node.output, kernel: kernel, stride: stride, padding: padding,
        x: x, y: y, input: input, out)
    default: preconditionFailure("\(node.name) computes new values")
    }
  }

  // MARK: - Layers

  private mutating func layer(_ index: Int) throws(EngineError) -> any IntegerStep {
    let node = graph.nodes[index]
    let (K, stride, padding, groups) =
      switch node.operation {
      case .convolution(_, let kernel, let stride, let padding, let groups, _):
        (kernel, stride, padding, groups)
      default: (1, 1, 0, 1)
      }
    let (x, from) = try integers(node.inputs[0], of: node)
    guard let weight = network.deployed[index] else {
      throw error(
        node, "its weights are not quantized, and the integer engine has int8 weights only")
    }
    let kernel = IntegerConvolution(
      input: extents(node.inputs[0]), output: extents(node.output), kernel: K, stride: stride,
      padding: padding, groups: groups)
    weight.integers.withElements(as: Int8.self) { kernel.setWeights($0.baseAddress!) }
    let bias = network.bias(of: node, channels: weight.scales.count)
    let units = weight.scales.map { $0 * from.scale }
    let integerBias = zip(bias, units).map { value, unit in
      // 0 / 0 where the grid before has no width; `raiseScales` keeps all else below 2³⁰.
      let quotient = (Double(value) / Double(unit)).rounded(.toNearestOrEven)
      return Int32(min(0x1p31 - 1, max(-0x1p31, quotient.isNaN ? 0 : quotient)))
    }
    if let end = try integerEnd(node) {
      let factors = weight.scales.map {
        Double(from.scale) * Double($0) / Double(end.grid.scale)
      }
      let y = newIntegers(end.value, end.grid)
      var owned: [AlignedBuffer] = []
      let requantization = Requantization(
        factors: arithmetic == .fixedPoint
          ? .fixedPoint(place(factors.map { FixedPointFactor($0) }, &owned))
          : .float(place(weight.scales.map { from.scale * $0 / end.grid.scale }, &owned)),
        bias: place(integerBias, &owned), zeroPoint: end.grid.zeroPoint, low: end.low,
        high: end.high)
      return IntegerLayerStep(
        name: node.name, output: end.value, kernel: kernel, x: x, zeroPoint: from.zeroPoint,
        requantization: requantization, y: y, memory: owned)
    }
    let y = newReal(node.output)
    storage[node.output] = .real(y)
    var owned: [AlignedBuffer] = []
    // Where the target holds biases as integers, their real numbers are those of the integers.
    let realBias =
      arithmetic == .floatFactor ? zip(integerBias, units).map { Float($0) * $1 } : bias
    return RealLayerStep(
      name: node.name, output: node.output, kernel: kernel, x: x, zeroPoint: from.zeroPoint,
      unit: place(units, &owned), bias: place(realBias, &owned), y: y, memory: owned)
  }

  /// Copies numbers into memory with room for a whole vector behind them.
  private func place<T: BitwiseCopyable>(_ values: [T], _ owned: inout [AlignedBuffer])
    -> UnsafePointer<T>
  {
    let buffer = AlignedBuffer(byteCount: values.count * MemoryLayout<T>.stride + 64)
    owned.append(buffer)
    let p = buffer.base.assumingMemoryBound(to: T.self)
    for (i, value) in values.enumerated() { p[i] = value }
    return UnsafePointer(p)
  }
}
