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
///   - metadata: entries beside those that are always written, or other values for them; their names
///     get `edgewise.` in front.
/// - Returns: the bytes of the file: the same bytes for the same arguments.
/// - Throws: `ExportError` when weights or grids are missing or unusable.
public func exportONNX(
  graph: Graph, weights: NamedWeights, grids: [Grid], metadata: [String: String] = [:],
  options: ONNXOptions = ONNXOptions()
) throws(ExportError) -> [UInt8] {
  let network = try DeployedNetwork(checking: graph, weights: weights, grids: grids)
  let folded = network.graph
  var lowering = ONNXLowering(
    writer: ONNXWriter(
      name: graph.name, reserved: reservedNames(folded) + network.siteOutputs.map(\.name)),
    network: network,
    flavor: options.flavor)
  let batch: Int? = options.hasDynamicBatch ? nil : 1
  for (value, name) in zip(folded.inputs, inputNames(folded)) {
    lowering.writer.input(name, shape: [batch] + channelsFirst(folded.values[value].shape))
    lowering.setInput(value, tensor: name)
  }
  for index in folded.nodes.indices { lowering.lower(index) }
  if let head = folded.head, !options.hasRawHeads {
    let decoded = lowering.lowerDecode(head)
    lowering.writer.output(decoded.boxes, shape: [batch, decoded.anchors, 4])
    lowering.writer.output(
      decoded.scores, shape: [batch, decoded.anchors, head.classNames.count])
  } else {
    for (value, name) in zip(folded.outputs, rawOutputNames(folded)) {
      _ = lowering.read(value, by: name, output: name)
      lowering.writer.output(
        name, shape: [batch] + channelsFirst(folded.values[value].shape))
    }
  }
  var extra = metadata
  if options.hasSites {
    for site in network.siteOutputs {
      _ = lowering.read(site.value, by: site.name, output: site.name)
      lowering.writer.output(
        site.name, shape: [batch] + channelsFirst(folded.values[site.value].shape))
    }
    extra["sites"] = network.siteText
  }

  var model = Onnx_ModelProto()
  model.irVersion = 8
  model.producerName = "edgewise"
  model.graph = lowering.writer.graph
  var opset = Onnx_OperatorSetIdProto()
  opset.domain = ""
  opset.version = 17
  model.opsetImport = [opset]
  model.metadataProps = modelMetadata(
    graph, layout: "[N, 3, H, W]", form: options.hasRawHeads ? .raw : .decoded, extra: extra
  ).map { key, value in
    var entry = Onnx_StringStringEntryProto()
    entry.key = metadataPrefix + key
    entry.value = value
    return entry
  }
  do { return try model.serializedBytes() } catch { throw .tooLarge(graph: graph.name) }
}

/// The messages of an ONNX file, as far as `exportONNX` writes them.
package func parseONNX(_ bytes: [UInt8]) throws -> Onnx_ModelProto {
  try Onnx_ModelProto(serializedBytes: bytes)
}

private func channelsFirst(_ shape: Shape) -> [Int] {
  shape.rank == 3 ? [shape[2], shape[0], shape[1]] : shape.extents
}

private func inputNames(_ graph: Graph) -> [String] {
  graph.inputs.count == 1 ? ["images"] : graph.inputs.indices.map { "images.\($0)" }
}

private func reservedNames(_ graph: Graph) -> [String] {
  inputNames(graph) + rawOutputNames(graph) + ["boxes", "scores"]
}
