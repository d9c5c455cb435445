public import Graphs
public import Quantization
import SwiftProtobuf
import Tensors

/// The graph as an ONNX file: opset 17, IR version 8.
///
/// Input `images` `[N, 3, H, W]`, RGB, 0 ... 1. Outputs of a detector: `boxes` `[N, A, 4]`, corners
/// in input pixels, and `scores` `[N, A, classes]`; of any other graph, or with raw heads, the
/// graph's outputs. A quantized graph is written with `QuantizeLinear`/`DequantizeLinear` pairs: int8,
/// weights per output channel as FP32 constants on their grid, biases in float, batch norms folded
/// into scales and biases so that the integers are those of training.
///
/// - Parameters:
///   - graph: with its batch norms; with sites placed if it is to be quantized.
///   - weights: of every parameter, not quantized, not folded.
///   - grids: one per site of the graph; none for a float graph.
///   - metadata: entries beside those that are always written, or other values for them.
/// - Returns: the bytes of the file: the same bytes for the same arguments.
/// - Throws: `ExportError` when weights or grids are missing or unusable.
public func exportONNX(
  graph: Graph, weights: NamedWeights, grids: [Grid], metadata: [String: String] = [:],
  options: ONNXOptions = ONNXOptions()
) throws(ExportError) -> [UInt8] {
  let folded: (graph: Graph, weights: NamedWeights)
  do {
    try graph.validate()
    try graph.check(weights)
    try checkFinite(graph, weights)
    folded = try graph.foldingBatchNorm(weights)
    try checkFinite(folded.graph, folded.weights)
  } catch let error as GraphError {
    throw .graph(error)
  } catch let error as ExportError {
    throw error
  } catch {
    preconditionFailure("an error of no known type: \(error)")
  }
  try checkGrids(graph, grids)
  try checkHead(folded.graph)

  var lowering = ONNXLowering(
    writer: ONNXWriter(
      name: graph.name, reserved: reservedNames(folded.graph, options)),
    graph: folded.graph, weights: folded.weights,
    deployed: deployedWeights(graph, weights, folded, grids), grids: grids)
  let batch: Int? = options.hasDynamicBatch ? nil : 1
  for (value, name) in zip(folded.graph.inputs, inputNames(folded.graph)) {
    lowering.writer.input(name, shape: [batch] + channelsFirst(folded.graph.values[value].shape))
    lowering.setInput(value, tensor: name)
  }
  for index in folded.graph.nodes.indices { lowering.lower(index) }
  if let head = folded.graph.head, !options.hasRawHeads {
    let decoded = lowering.lowerDecode(head)
    lowering.writer.output(decoded.boxes, shape: [batch, decoded.anchors, 4])
    lowering.writer.output(
      decoded.scores, shape: [batch, decoded.anchors, head.classNames.count])
  } else {
    for (value, name) in zip(folded.graph.outputs, rawOutputNames(folded.graph)) {
      _ = lowering.read(value, by: name, output: name)
      lowering.writer.output(
        name, shape: [batch] + channelsFirst(folded.graph.values[value].shape))
    }
  }

  var model = Onnx_ModelProto()
  model.irVersion = 8
  model.producerName = "edgewise"
  model.graph = lowering.writer.graph
  var opset = Onnx_OperatorSetIdProto()
  opset.domain = ""
  opset.version = 17
  model.opsetImport = [opset]
  model.metadataProps = onnxMetadata(graph, extra: metadata).map { key, value in
    var entry = Onnx_StringStringEntryProto()
    entry.key = key
    entry.value = value
    return entry
  }
  do { return try model.serializedBytes() } catch { throw .tooLarge(graph: graph.name) }
}

/// The messages of an ONNX file, as far as `exportONNX` writes them.
package func parseONNX(_ bytes: [UInt8]) throws -> Onnx_ModelProto {
  try Onnx_ModelProto(serializedBytes: bytes)
}

/// The integers and folded scales of every layer with quantized weights, by node of the folded graph.
private func deployedWeights(
  _ graph: Graph, _ weights: NamedWeights, _ folded: (graph: Graph, weights: NamedWeights),
  _ grids: [Grid]
) -> [Int: DeployedWeight] {
  let consumers = graph.consumers()
  var byName: [String: DeployedWeight] = [:]
  for node in graph.nodes {
    guard let bits = node.weightBits, let parameter = node.parameters.first else { continue }
    var gain: [Float]?
    if let reader = consumers[node.output].first,
      case .batchNorm(let epsilon, _) = graph.nodes[reader].operation
    {
      let norm = graph.nodes[reader].parameters.map {
        weights[graph.parameters[$0].name]!.values(as: Float.self)
      }
      gain = zip(norm[0], norm[3]).map { $0 / ($1 + epsilon).squareRoot() }
    }
    byName[node.name] = DeployedWeight(
      weights[graph.parameters[parameter].name]!, bits: bits, gain: gain)
  }
  let sites = gridSites(folded.graph)
  var result: [Int: DeployedWeight] = [:]
  for (index, node) in folded.graph.nodes.enumerated() {
    guard var weight = byName[node.name] else { continue }
    if let site = sites[node.inputs[0]], node.parameters.count > 1 {
      let bias = folded.weights[folded.graph.parameters[node.parameters[1]].name]!
      weight.raiseScales(toHold: bias.values(as: Float.self), inputScale: grids[site].scale)
    }
    result[index] = weight
  }
  return result
}

private func channelsFirst(_ shape: Shape) -> [Int] {
  shape.rank == 3 ? [shape[2], shape[0], shape[1]] : shape.extents
}

private func inputNames(_ graph: Graph) -> [String] {
  graph.inputs.count == 1 ? ["images"] : graph.inputs.indices.map { "images.\($0)" }
}

/// `boxes.stride8`, `classes.stride8`, … for the outputs a head reads; else the values' own names.
private func rawOutputNames(_ graph: Graph) -> [String] {
  graph.outputs.enumerated().map { index, output in
    for level in graph.head?.levels ?? [] {
      if level.boxes == output { return "boxes.stride\(level.stride)" }
      if level.classes == output { return "classes.stride\(level.stride)" }
    }
    return "output.\(index)"
  }
}

private func reservedNames(_ graph: Graph, _ options: ONNXOptions) -> [String] {
  inputNames(graph) + rawOutputNames(graph) + ["boxes", "scores"]
}
