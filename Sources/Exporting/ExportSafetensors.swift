public import Graphs
public import Quantization
import Tensors

/// The weights as a safetensors file: what another program needs to rebuild the network.
///
/// Of a quantized graph, batch norms folded: each quantized layer as `NAME.weight` (int8, the integers
/// of training, `[O, C/groups, K, K]`), `NAME.weight.scale` (float32 `[O]`) and its bias in float32;
/// each site as `SITE.site.scale` (float32) and `SITE.site.zero_point` (int32), both of shape `[]`.
/// Layers in float are float32. Of a float graph, every parameter as it is, batch norms apart.
///
/// *Source:* the safetensors format: 8 bytes with the header's length, a JSON header padded with spaces
/// to a multiple of 8, then the tensors' bytes, all little-endian. `__metadata__` holds texts; the one
/// named `edgewise.graph` is the network in text form.
///
/// - Parameters: as of `exportONNX`.
/// - Returns: the bytes of the file: the same bytes for the same arguments.
/// - Throws: `ExportError` when weights or grids are missing or unusable.
public func exportSafetensors(
  graph: Graph, weights: NamedWeights, grids: [Grid], metadata: [String: String] = [:]
) throws(ExportError) -> [UInt8] {
  let network = try DeployedNetwork(checking: graph, weights: weights, grids: grids)
  var file = SafetensorsFile()
  let isQuantized = !graph.sites.isEmpty || !network.deployed.isEmpty
  let shown = isQuantized ? network.graph : graph
  if isQuantized {
    for (index, node) in network.graph.nodes.enumerated() {
      for (place, parameter) in node.parameters.map({ network.graph.parameters[$0] }).enumerated() {
        if place == 0, let weight = network.deployed[index] {
          file.append(parameter.name, weight.integers)
          file.append(
            "\(parameter.name).scale", Tensor(weight.scales, shape: [weight.scales.count]))
        } else {
          file.append(parameter.name, network.weights[parameter.name]!)
        }
      }
    }
    for (site, grid) in zip(graph.sites, grids) {
      file.append("\(site.name).site.scale", Tensor([grid.scale], shape: []))
      file.append("\(site.name).site.zero_point", Tensor([grid.zeroPoint], shape: []))
    }
  } else {
    for parameter in graph.parameters { file.append(parameter.name, weights[parameter.name]!) }
  }
  let extra = ["format": "edgewise", "graph": shown.text].merging(metadata) { _, given in given }
  let entries = modelMetadata(graph, layout: "[N, H, W, 3]", form: .raw, extra: extra)
  return file.bytes(metadata: entries.map { (key: metadataPrefix + $0.key, value: $0.value) })
}

/// Named tensors, written wide elements first so that all are aligned.
private struct SafetensorsFile {
  private var entries: [(name: String, tensor: Tensor)] = []

  mutating func append(_ name: String, _ tensor: Tensor) { entries.append((name, tensor)) }

  func bytes(metadata: [(key: String, value: String)]) -> [UInt8] {
    let texts = metadata.map { "\(jsonString($0.key)):\(jsonString($0.value))" }
    var members = ["\"__metadata__\":{\(texts.joined(separator: ","))}"]
    var body: [UInt8] = []
    for width in [4, 1] {
      for (name, tensor) in entries where tensor.dtype.byteCount == width {
        let start = body.count
        tensor.withBytes { body.append(contentsOf: $0) }
        let shape = tensor.shape.extents.map(String.init).joined(separator: ",")
        members.append(
          "\(jsonString(name)):{\"dtype\":\"\(Self.name(tensor.dtype))\",\"shape\":[\(shape)],"
            + "\"data_offsets\":[\(start),\(body.count)]}")
      }
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    return length + header + body
  }

  private static func name(_ type: DType) -> String {
    switch type {
    case .float32: "F32"
    case .int32: "I32"
    case .int8: "I8"
    case .uint8, .int64, .float64, .bfloat16: preconditionFailure("no export is \(type)")
    }
  }
}
