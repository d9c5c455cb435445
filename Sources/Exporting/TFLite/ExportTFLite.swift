public import Graphs
public import Quantization
import Tensors

/// The graph as a TFLite file on integers alone: int8 in, int8 out, no float operator.
///
/// Input `images` `[1, H, W, 3]`: with the usual grid of 0 ... 1, affine, a byte of the picture less
/// 128. Outputs are the graph's own, each with its own scale, so that no score shares one with a box:
/// of a detector per level `boxes.strideS` `[1, H, W, 4·bins]`, logits of the distances in cells, which
/// do not depend on the picture's size, and `classes.strideS` `[1, H, W, classes]`, logits. They are
/// what training quantized; the decode behind them (`metadata`, entry `outputs`) stays in float.
///
/// Weights are int8 in ±127 per output channel, biases int32. The file's metadata has one entry
/// `edgewise`: a JSON object of texts.
///
/// - Parameters: as of `exportONNX`; the graph's sites are those of the target tflite or edgetpu, or of
///   portable where it has no SiLU.
/// - Parameter hasSites: whether every value behind a site is an output too, under its name; `sites` of the
///   metadata then has their grids.
/// - Returns: the bytes of the file: the same bytes for the same arguments.
/// - Throws: `ExportError` when weights or grids are missing or unusable, or a node cannot be computed
///   on int8 tensors.
public func exportTFLite(
  graph: Graph, weights: NamedWeights, grids: [Grid], metadata: [String: String] = [:],
  hasSites: Bool = false
) throws(ExportError) -> [UInt8] {
  try tfliteModel(
    graph: graph, weights: weights, grids: grids, metadata: metadata, hasSites: hasSites
  ).bytes
}

/// The model behind `exportTFLite`.
package func tfliteModel(
  graph: Graph, weights: NamedWeights, grids: [Grid], metadata: [String: String] = [:],
  hasSites: Bool = false
) throws(ExportError) -> TFLiteModel {
  let network = try DeployedNetwork(checking: graph, weights: weights, grids: grids)
  var lowering = TFLiteLowering(network)
  let names = network.graph.inputs.count == 1 ? ["images"] : nil
  for (index, input) in network.graph.inputs.enumerated() {
    let name = names?[index] ?? "images.\(index)"
    let readers = lowering.consumers[input].map { network.graph.nodes[$0] }
    guard readers.count == 1, case .fakeQuantize(let site) = readers[0].operation else {
      throw lowering.error(
        network.graph.values[input].name,
        "the input is not quantized; place sites for the target tflite, edgetpu or portable")
    }
    let shape = TFLiteLowering.shape(network.graph.values[input].shape)
    let tensor = try lowering.tensor(name, shape, site: site, readers[0].name)
    lowering.begin(at: input, with: tensor)
    lowering.model.inputs.append((name, tensor))
  }
  for index in network.graph.nodes.indices { try lowering.lower(index) }
  for (value, name) in zip(network.graph.outputs, rawOutputNames(network.graph)) {
    try lowering.finish(value, name: name)
  }
  if hasSites {
    // The input is no output: whoever runs the model has it.
    for site in network.siteOutputs {
      let tensor = lowering.tensor(of: site.value)!
      if lowering.model.inputs.contains(where: { $0.tensor == tensor }) { continue }
      lowering.model.outputs.append((site.name, tensor))
    }
  }
  var model = lowering.model
  var extra = inputEntries(model)
  extra["outputs"] = outputText(network.graph)
  extra.merge(metadata) { _, given in given }
  if hasSites { extra["sites"] = network.siteText }
  let entries = modelMetadata(graph, layout: "[1, H, W, 3]", form: .raw, extra: extra)
  let members = entries.map { "\(jsonString($0.key)): \(jsonString($0.value))" }
  model.metadata = [("edgewise", "{" + members.joined(separator: ", ") + "}")]
  return model
}

extension TFLiteLowering {
  /// The graph's input and the quantized value behind it are one int8 tensor.
  mutating func begin(at input: Int, with tensor: Int) {
    let quantizer = consumers[input][0]
    setTensor(tensor, of: graph.nodes[quantizer].output)
    absorb(quantizer)
  }

  /// Hands a value out under a name. `[1, 1, 1, C]` becomes `[1, C]`.
  mutating func finish(_ value: Int, name: String) throws(ExportError) {
    guard let tensor = tensor(of: value) else {
      throw error(
        name,
        "the output is not quantized; place sites for the target tflite, edgetpu or portable")
    }
    let shape = graph.values[value].shape
    guard shape.rank == 1 else {
      model.outputs.append((name, tensor))
      return
    }
    let target = constant([1, Int32(shape[0])], shape: [2], name: "\(name).shape")
    var result = model.tensors[tensor]
    result.name = name
    result.shape = [1, shape[0]]
    model.tensors.append(result)
    let output = model.tensors.count - 1
    append(.reshape, [tensor, target], output)
    model.outputs.append((name, output))
  }
}

/// The input's int8: `round(x / input_scale) + input_zero_point` of `x` in `input_range`.
private func inputEntries(_ model: TFLiteModel) -> [String: String] {
  guard let input = model.inputs.first else { return [:] }
  let grid = model.tensors[input.tensor].quantization!
  return [
    "input_type": "int8", "input_scale": "\(grid.scales[0])",
    "input_zero_point": "\(grid.zeroPoints[0])",
  ]
}

private func outputText(_ graph: Graph) -> String {
  guard let head = graph.head else { return "logits, int8" }
  return
    "int8 of their own scale and zero point each. boxes.strideS [1, H, W, \(4 * head.bins)]: for left, "
    + "top, right and bottom \(head.bins) logits; a distance is the mean of 0 ... \(head.bins - 1) under "
    + "their softmax, in cells; corner = (column + 0.5 - left, row + 0.5 - top, column + 0.5 + right, "
    + "row + 0.5 + bottom) · S pixels of the input. classes.strideS [1, H, W, classes]: score = "
    + "sigmoid(logit)"
}
