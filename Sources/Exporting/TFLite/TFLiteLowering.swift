import Graphs
import Quantization
import Tensors

/// Turns the nodes of a quantized graph into TFLite operators on int8 tensors `[1, H, W, C]`.
///
/// A convolution or sum, a ReLU behind it and the `fakeQuantize` behind that are one operator whose
/// output lies on the site's grid. `[C]` is `[1, 1, 1, C]`, and a linear layer a 1×1 convolution, which
/// unlike FULLY_CONNECTED has a scale per output channel in every version.
struct TFLiteLowering {
  let network: DeployedNetwork
  let consumers: [[Int]]
  var model: TFLiteModel
  /// The int8 tensor of each value that is one.
  private var tensors: [Int?]
  /// Nodes that became part of the operator before them.
  private var absorbed = Set<Int>()
  private var paddedTensors: [Padded: Int] = [:]

  /// A value with its padding, made once for all its readers.
  private struct Padded: Hashable {
    var tensor: Int
    var amounts: [Int]
    var isMinimum: Bool
  }

  var graph: Graph { network.graph }

  init(_ network: DeployedNetwork) {
    self.network = network
    consumers = network.graph.consumers()
    model = TFLiteModel(name: network.graph.name)
    tensors = Array(repeating: nil, count: network.graph.values.count)
  }

  func error(_ node: String, _ reason: String) -> ExportError {
    .notExpressible(graph: graph.name, node: node, target: "tflite", reason: reason)
  }

  // MARK: - Tensors

  static func shape(_ shape: Shape) -> [Int] {
    shape.rank == 3 ? [1] + shape.extents : [1, 1, 1] + shape.extents
  }

  mutating func tensor(
    _ name: String, _ shape: [Int], site: Int, _ node: String
  ) throws(ExportError) -> Int {
    let grid = network.grids[site]
    guard grid.minimum == -128, grid.maximum == 127 else {
      throw error(
        node,
        "its integers are \(grid.minimum) ... \(grid.maximum) (site \(graph.sites[site].name)), and an int8 tensor has -128 ... 127; use 8 bits for activations"
      )
    }
    return append(name, shape, like: grid)
  }

  private mutating func append(_ name: String, _ shape: [Int], like grid: Grid) -> Int {
    model.tensors.append(
      .init(
        name: name, shape: shape, type: .int8,
        quantization: .init(scales: [grid.scale], zeroPoints: [grid.zeroPoint], axis: 0),
        constant: nil))
    return model.tensors.count - 1
  }

  mutating func constant(_ values: [Int32], shape: [Int], name: String) -> Int {
    model.tensors.append(
      .init(
        name: name, shape: shape, type: .int32, quantization: nil, constant: Self.bytes(values)))
    return model.tensors.count - 1
  }

  static func bytes(_ values: [Int32]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  }

  mutating func append(_ operation: TFLiteModel.Operation, _ inputs: [Int], _ output: Int) {
    model.operators.append(.init(operation: operation, inputs: inputs, output: output))
  }

  /// The int8 tensor that `node` reads.
  func read(_ value: Int, _ node: Node) throws(ExportError) -> Int {
    guard let tensor = tensors[value] else {
      throw error(
        node.name,
        "its input \(graph.values[value].name) is no int8 tensor; place sites for the target tflite, edgetpu or portable"
      )
    }
    return tensor
  }

  mutating func setTensor(_ tensor: Int, of value: Int) { tensors[value] = tensor }
  func tensor(of value: Int) -> Int? { tensors[value] }
  mutating func absorb(_ node: Int) { absorbed.insert(node) }

  // MARK: - Nodes

  mutating func lower(_ index: Int) throws(ExportError) {
    let node = graph.nodes[index]
    guard !absorbed.contains(index) else { return }
    switch node.operation {
    case .convolution, .linear: try convolution(index)
    case .batchNorm: preconditionFailure("\(node.name): batch norms are folded before")
    case .add:
      let inputs = try node.inputs.map { (value) throws(ExportError) in try read(value, node) }
      let end = try output(of: node, fusesActivation: true)
      append(.add(activation: end.activation), inputs, end.tensor)
    case .multiply:
      let inputs = try node.inputs.map { (value) throws(ExportError) in try read(value, node) }
      append(.multiply, inputs, try output(of: node, fusesActivation: false).tensor)
    case .sigmoid:
      let input = try read(node.inputs[0], node)
      let end = try output(of: node, fusesActivation: false)
      guard model.tensors[end.tensor].quantization == .logistic else {
        throw error(
          node.name,
          "LOGISTIC has the grid of scale 1/256 and zero point -128, which its site has not; place sites for the target tflite or edgetpu"
        )
      }
      append(.logistic, [input], end.tensor)
    case .globalAveragePool:
      let axes = constant([1, 2], shape: [2], name: "\(node.name).axes")
      let input = try read(node.inputs[0], node)
      append(.mean, [input, axes], try output(of: node, fusesActivation: false).tensor)
    case .concat, .slice, .upsample, .maxPool: try move(node)
    case .activation(.silu):
      throw error(
        node.name,
        "SiLU is LOGISTIC and MUL with integers between, which this graph was not quantized for; place sites for the target tflite or edgetpu, or use ReLU6"
      )
    case .activation(let kind):
      throw error(
        node.name,
        "\(kind.rawValue) must follow a convolution, linear layer or sum that nothing else reads")
    case .fakeQuantize:
      throw error(
        node.name, "\(graph.values[node.inputs[0]].name) is quantized where no operator ends")
    }
  }

  /// The tensor in which an operator ends: behind its ReLU, on the grid of its site.
  mutating func output(of node: Node, fusesActivation: Bool) throws(ExportError) -> (
    tensor: Int, activation: TFLiteModel.Activation
  ) {
    var value = node.output
    var activation = TFLiteModel.Activation.none
    while true {
      guard consumers[value].count == 1, !graph.outputs.contains(value) else { break }
      let index = consumers[value][0]
      let next = graph.nodes[index]
      switch next.operation {
      case .activation(.relu) where fusesActivation && activation == .none: activation = .relu
      case .activation(.relu6) where fusesActivation && activation == .none: activation = .relu6
      case .fakeQuantize(let site):
        absorbed.insert(index)
        let shape = Self.shape(graph.values[value].shape)
        let result = try tensor(graph.values[value].name, shape, site: site, next.name)
        tensors[next.output] = result
        return (result, activation)
      default:
        throw error(
          node.name,
          "its output goes to \(next.name) unquantized; place sites for the target tflite, edgetpu or portable"
        )
      }
      absorbed.insert(index)
      value = next.output
    }
    throw error(
      node.name,
      "its output \(graph.values[value].name) is not quantized; place sites for the target tflite, edgetpu or portable"
    )
  }

  /// Operations that move or select integers of one grid.
  private mutating func move(_ node: Node) throws(ExportError) {
    let inputs = try node.inputs.map { (value) throws(ExportError) in try read(value, node) }
    guard network.sites[node.output] != nil, let site = network.sites[node.inputs[0]] else {
      throw error(node.name, "its inputs lie on different grids, and it cannot rescale them")
    }
    let shape = Self.shape(graph.values[node.output].shape)
    let result = try tensor(graph.values[node.output].name, shape, site: site, node.name)
    tensors[node.output] = result
    switch node.operation {
    case .concat: append(.concatenation, inputs, result)
    case .slice(let from, let count):
      let begin = constant([0, 0, 0, Int32(from)], shape: [4], name: "\(node.name).begin")
      let size = constant(
        shape[..<3].map { Int32($0) } + [Int32(count)], shape: [4], name: "\(node.name).size")
      append(.slice, [inputs[0], begin, size], result)
    case .upsample:
      let size = constant(
        [Int32(shape[1]), Int32(shape[2])], shape: [2], name: "\(node.name).size")
      append(.resizeNearest, [inputs[0], size], result)
    case .maxPool(let kernel, let stride, let padding):
      let window = try window(
        inputs[0], node, kernel, stride, padding, output: shape, fillsMinimum: true)
      append(
        .maxPool(kernel: kernel, stride: stride, isSame: window.isSame), [window.tensor], result)
    default: preconditionFailure("\(node.name) computes new values")
    }
  }

  /// What a windowed operator reads: the tensor itself where SAME or VALID pads as the graph does, else
  /// the tensor padded, and VALID.
  ///
  /// SAME puts the smaller half of what is missing before the first row: with stride 2 and an even
  /// extent, a kernel of 3 gets none there, where a padding of 1 has one.
  ///
  /// - Parameter fillsMinimum: with -128, which no maximum takes, instead of zeros.
  mutating func window(
    _ tensor: Int, _ node: Node, _ kernel: Int, _ stride: Int, _ padding: Int, output: [Int],
    fillsMinimum: Bool
  ) throws(ExportError) -> (tensor: Int, isSame: Bool) {
    let input = model.tensors[tensor]
    // Per axis: rows before, and rows after as far as the last window needs them.
    let missing = (1...2).map { axis in
      max((output[axis] - 1) * stride + kernel - input.shape[axis] - padding, 0)
    }
    if padding == 0 { return (tensor, false) }
    if isSamePadding(
      Array(input.shape[1...2]), Array(output[1...2]), kernel, stride, padding)
    {
      return (tensor, true)
    }
    let zero = input.quantization!.zeroPoints[0]
    let padded = Padded(
      tensor: tensor, amounts: [padding, missing[0], missing[1]],
      isMinimum: fillsMinimum && zero != -128)
    if let known = paddedTensors[padded] { return (known, false) }
    let name = "\(input.name).padded"
    let amounts = constant(
      [0, 0, padding, missing[0], padding, missing[1], 0, 0].map { Int32($0) }, shape: [4, 2],
      name: "\(name).amounts")
    let shape = [
      1, input.shape[1] + padding + missing[0], input.shape[2] + padding + missing[1],
      input.shape[3],
    ]
    var result = input
    result.name = name
    result.shape = shape
    model.tensors.append(result)
    let target = model.tensors.count - 1
    if padded.isMinimum {
      var fill = input
      fill.name = "\(name).fill"
      fill.shape = [1]
      fill.constant = [UInt8(bitPattern: -128)]
      model.tensors.append(fill)
      append(.padWithValue, [tensor, amounts, model.tensors.count - 1], target)
    } else {
      append(.pad, [tensor, amounts], target)
    }
    paddedTensors[padded] = target
    return (target, false)
  }
}

/// Whether TFLite's SAME pads these extents as a graph's `padding` on all sides does.
func isSamePadding(
  _ input: [Int], _ output: [Int], _ kernel: Int, _ stride: Int, _ padding: Int
) -> Bool {
  zip(input, output).allSatisfy { extent, out in
    let steps = (extent + stride - 1) / stride
    return out == steps && max((steps - 1) * stride + kernel - extent, 0) / 2 == padding
  }
}

extension TFLiteModel.Quantization {
  /// The only grid that LOGISTIC writes.
  static let logistic = Self(scales: [1 / 256], zeroPoints: [-128], axis: 0)
}
