import Graphs
import Quantization
import Tensors

extension TFLiteLowering {
  /// CONV_2D or DEPTHWISE_CONV_2D: int8 weights per output channel, biases as int32 multiples of the
  /// input's scale times the channel's.
  mutating func convolution(_ index: Int) throws(ExportError) {
    let node = graph.nodes[index]
    let (O, kernel, stride, padding, groups) =
      switch node.operation {
      case .convolution(let O, let kernel, let stride, let padding, let groups, _):
        (O, kernel, stride, padding, groups)
      case .linear(let features, _): (features, 1, 1, 0, 1)
      default: preconditionFailure("\(node.name) is no layer")
      }
    guard let weight = network.deployed[index] else {
      throw error(node.name, "its weights are not quantized")
    }
    let input = try read(node.inputs[0], node)
    let C = model.tensors[input].shape[3]
    let isDepthwise = groups == C && groups > 1
    let inputScale = model.tensors[input].quantization!.scales[0]
    let weights = layerTensor(
      weight, name: graph.parameters[node.parameters[0]].name, O: O, groupC: C / groups,
      kernel: kernel, isDepthwise: isDepthwise)
    let bias = biasTensor(node, weight.scales, inputScale)
    let end = try output(of: node, fusesActivation: true)
    let window = try window(
      input, node, kernel, stride, padding, output: model.tensors[end.tensor].shape,
      fillsMinimum: false)
    append(
      isDepthwise
        ? .depthwiseConvolution(
          stride: stride, isSame: window.isSame, multiplier: O / C, activation: end.activation)
        : .convolution(stride: stride, isSame: window.isSame, activation: end.activation),
      [window.tensor, weights, bias], end.tensor)
  }

  /// `[O, C/groups, K, K]` as `[O, K, K, C/groups]`, or as `[1, K, K, O]` of a depthwise convolution.
  private mutating func layerTensor(
    _ weight: DeployedWeight, name: String, O: Int, groupC: Int, kernel K: Int, isDepthwise: Bool
  ) -> Int {
    let q = weight.integers.values(as: Int8.self)
    var bytes = [UInt8](repeating: 0, count: q.count)
    for o in 0..<O {
      for c in 0..<groupC {
        for k in 0..<K * K {
          let place = isDepthwise ? k * O + o : (o * K * K + k) * groupC + c
          bytes[place] = UInt8(bitPattern: q[(o * groupC + c) * K * K + k])
        }
      }
    }
    model.tensors.append(
      .init(
        name: name, shape: isDepthwise ? [1, K, K, O] : [O, K, K, groupC], type: .int8,
        quantization: .init(
          scales: weight.scales, zeroPoints: [Int32](repeating: 0, count: O),
          axis: isDepthwise ? 3 : 0), constant: bytes))
    return model.tensors.count - 1
  }

  private mutating func biasTensor(_ node: Node, _ scales: [Float], _ inputScale: Float) -> Int {
    let units = scales.map { inputScale * $0 }
    let values = zip(network.bias(of: node, channels: scales.count), units).map { bias, unit in
      // Scales were raised so that this stays below 2³⁰ and a little.
      Int32((Double(bias) / Double(unit)).rounded(.toNearestOrEven))
    }
    model.tensors.append(
      .init(
        name: node.parameters.count > 1
          ? graph.parameters[node.parameters[1]].name : "\(node.name).bias",
        shape: [scales.count], type: .int32,
        quantization: .init(
          scales: units, zeroPoints: [Int32](repeating: 0, count: scales.count), axis: 0),
        constant: Self.bytes(values)))
    return model.tensors.count - 1
  }
}
