import Graphs
import Quantization
import Tensors

/// Turns the nodes of a graph without batch norms into ONNX nodes, `[H, W, C]` into `[N, C, H, W]`.
///
/// A value that lies on the grid of a site is read by each of its readers through a pair
/// `QuantizeLinear` → `DequantizeLinear` of its own. Behind concat, slice, upsample and max pool the
/// pair repeats the grid of their inputs: it changes no number, and gives every runtime integers on
/// both sides of these operations.
struct ONNXLowering {
  var writer: ONNXWriter
  let graph: Graph
  let weights: NamedWeights
  /// By node; layers that stay in float have none.
  let deployed: [Int: DeployedWeight]
  let grids: [Grid]
  let flavor: ONNXOptions.Flavor
  /// The ONNX tensor of each value.
  private var tensors: [String?]
  /// The site on whose grid a value lies.
  private let sites: [Int?]
  /// Scale and zero point of each site.
  private var gridConstants: [(scale: String, zeroPoint: String)] = []

  init(writer: ONNXWriter, network: DeployedNetwork, flavor: ONNXOptions.Flavor) {
    self.writer = writer
    self.flavor = flavor
    graph = network.graph
    weights = network.weights
    deployed = network.deployed
    grids = network.grids
    sites = network.sites
    tensors = Array(repeating: nil, count: graph.values.count)
    for (site, grid) in zip(graph.sites, grids) {
      let scale = self.writer.constant([grid.scale], shape: [], name: "\(site.name).site.scale")
      let zeroName = "\(site.name).site.zero_point"
      let zero =
        switch flavor {
        case .tensorrt: self.writer.constant([Int8(grid.zeroPoint)], shape: [], name: zeroName)
        case .onnxruntime:
          self.writer.constant([UInt8(grid.zeroPoint + 128)], shape: [], name: zeroName)
        }
      gridConstants.append((scale, zero))
    }
  }

  mutating func setInput(_ value: Int, tensor: String) { tensors[value] = tensor }

  /// The name of the tensor that `reader` takes for `value`: through a pair of its own if the value
  /// lies on a grid.
  ///
  /// - Parameter output: the reserved name the tensor must have, for outputs of the model.
  mutating func read(_ value: Int, by reader: String, output: String? = nil) -> String {
    let tensor = tensors[value]!
    guard let site = sites[value] else {
      guard let output else { return tensor }
      return writer.node("Identity", [tensor], name: output, output: output)
    }
    let (scale, zeroPoint) = gridConstants[site]
    let integers = writer.node(
      "QuantizeLinear", [tensor, scale, zeroPoint], name: "\(reader).input.quantized")
    return writer.node(
      "DequantizeLinear", [integers, scale, zeroPoint], name: "\(reader).input", output: output)
  }

  mutating func lower(_ index: Int) {
    let node = graph.nodes[index]
    let inputs = node.inputs.map { read($0, by: node.name) }
    switch node.operation {
    case .convolution(_, let kernel, let stride, let padding, let groups, _):
      tensors[node.output] = writer.node(
        "Conv", inputs + layerConstants(index), name: node.name,
        [
          .integers("dilations", [1, 1]), .integer("group", groups),
          .integers("kernel_shape", [kernel, kernel]),
          .integers("pads", [padding, padding, padding, padding]),
          .integers("strides", [stride, stride]),
        ])
    case .linear:
      tensors[node.output] = writer.node(
        "Gemm", inputs + layerConstants(index), name: node.name, [.integer("transB", 1)])
    case .batchNorm: preconditionFailure("\(node.name): batch norms are folded before")
    case .activation(let kind):
      tensors[node.output] = activation(kind, inputs[0], name: node.name)
    case .sigmoid:
      tensors[node.output] = writer.node("Sigmoid", inputs, name: node.name)
    case .multiply:
      tensors[node.output] = writer.node("Mul", inputs, name: node.name)
    case .add:
      tensors[node.output] = writer.node("Add", inputs, name: node.name)
    case .globalAveragePool:
      let mean = writer.node("GlobalAveragePool", inputs, name: "\(node.name).mean")
      tensors[node.output] = writer.node("Flatten", [mean], name: node.name, [.integer("axis", 1)])
    case .fakeQuantize(let site):
      tensors[node.output] = clipped(inputs[0], to: grids[site], name: node.name)
    case .concat, .slice, .upsample, .maxPool:
      tensors[node.output] = moved(node, inputs)
    }
  }

  /// Operations that move or select values.
  private mutating func moved(_ node: Node, _ inputs: [String]) -> String {
    switch node.operation {
    case .concat:
      return writer.node("Concat", inputs, name: node.name, [.integer("axis", 1)])
    case .slice(let from, let count):
      let starts = writer.constant([from], name: "\(node.name).starts")
      let ends = writer.constant([from + count], name: "\(node.name).ends")
      let axes = writer.constant([1], name: "\(node.name).axes")
      return writer.node("Slice", [inputs[0], starts, ends, axes], name: node.name)
    case .upsample(let factor):
      let scales = writer.constant(
        [1, 1, Float(factor), Float(factor)], shape: [4], name: "\(node.name).scales")
      return writer.node(
        "Resize", [inputs[0], "", scales], name: node.name,
        [
          .string("coordinate_transformation_mode", "asymmetric"), .string("mode", "nearest"),
          .string("nearest_mode", "floor"),
        ])
    case .maxPool(let kernel, let stride, let padding):
      return writer.node(
        "MaxPool", inputs, name: node.name,
        [
          .integers("kernel_shape", [kernel, kernel]),
          .integers("pads", [padding, padding, padding, padding]),
          .integers("strides", [stride, stride]),
        ])
    default: preconditionFailure("\(node.name) computes new values")
    }
  }

  private mutating func activation(_ kind: Activation, _ x: String, name: String) -> String {
    switch kind {
    case .silu:
      let gate = writer.node("Sigmoid", [x], name: "\(name).sigmoid")
      return writer.node("Mul", [x, gate], name: name)
    case .relu: return writer.node("Relu", [x], name: name)
    case .relu6:
      let low = writer.constant([0 as Float], shape: [], name: "\(name).low")
      let high = writer.constant([6 as Float], shape: [], name: "\(name).high")
      return writer.node("Clip", [x, low, high], name: name)
    }
  }

  /// `QuantizeLinear` saturates at the ends of int8; a narrower grid needs a clip before.
  private mutating func clipped(_ x: String, to grid: Grid, name: String) -> String {
    if grid.minimum == -128 && grid.maximum == 127 { return x }
    let low = writer.constant([grid.low], shape: [], name: "\(name).low")
    let high = writer.constant([grid.high], shape: [], name: "\(name).high")
    return writer.node("Clip", [x, low, high], name: name)
  }

  /// Weight and bias of a layer. A quantized weight is an FP32 constant behind a pair with axis 0.
  private mutating func layerConstants(_ index: Int) -> [String] {
    let node = graph.nodes[index]
    let parameters = node.parameters.map { graph.parameters[$0] }
    var names: [String] = []
    if let weight = deployed[index] {
      let name = parameters[0].name
      let channels = weight.scales.count
      let values = writer.constant(
        weight.values, shape: parameters[0].shape.extents, name: name)
      let scale = writer.constant(weight.scales, shape: [channels], name: "\(name).scale")
      let zeroPoint = writer.constant(
        [Int8](repeating: 0, count: channels), shape: [channels], name: "\(name).zero_point")
      let integers = writer.node(
        "QuantizeLinear", [values, scale, zeroPoint], name: "\(name).quantized",
        [.integer("axis", 0)])
      names.append(
        writer.node(
          "DequantizeLinear", [integers, scale, zeroPoint], name: "\(name).dequantized",
          [.integer("axis", 0)]))
    } else {
      names.append(constant(parameters[0]))
    }
    for parameter in parameters.dropFirst() {
      names.append(integerBias(index, parameter) ?? constant(parameter))
    }
    return names
  }

  /// A bias as int32 multiples of the input's scale times the channel's, where the flavour wants that
  /// and the layer is one of integers.
  private mutating func integerBias(_ index: Int, _ parameter: Parameter) -> String? {
    guard flavor == .onnxruntime, let weight = deployed[index],
      let site = sites[graph.nodes[index].inputs[0]]
    else { return nil }
    let units = weight.scales.map { $0 * grids[site].scale }
    let values = weights[parameter.name]!.values(as: Float.self)
    let integers = zip(values, units).map { value, unit in
      Int32((Double(value) / Double(unit)).rounded(.toNearestOrEven))
    }
    let (count, name) = (units.count, parameter.name)
    let constants = [
      writer.constant(integers, shape: [count], name: name),
      writer.constant(units, shape: [count], name: "\(name).scale"),
      writer.constant(
        [Int32](repeating: 0, count: count), shape: [count], name: "\(name).zero_point"),
    ]
    return writer.node(
      "DequantizeLinear", constants, name: "\(name).dequantized", [.integer("axis", 0)])
  }

  private mutating func constant(_ parameter: Parameter) -> String {
    writer.constant(
      weights[parameter.name]!.values(as: Float.self), shape: parameter.shape.extents,
      name: parameter.name)
  }
}
