import Tensors

/// A TFLite model: its constants, and its convolutions in order of execution.
///
/// Weights come as `[O, I / groups, H, W]`, whatever the file's layout is: `[O, H, W, I]`, or
/// `[1, H, W, O]` of depthwise ones. Integers are made float, per tensor or per axis; a bias without a scale has
/// that of input times weight. Constants behind `DEQUANTIZE` count as constants. Tensors of TFLite need
/// no names of their own: one that repeats gets its number, `name#12`.
///
/// *Source:* the field numbers of TFLite's `schema.fbs`.
struct TFLiteFile: WeightSource {
  private enum Layout { case asStored, convolution, depthwise }

  private struct Record: Sendable {
    let tensor: Int
    let layout: Layout
    let shape: [Int]
    /// Of a bias without a scale of its own.
    var scales: [Float] = []
  }

  let facts: WeightFacts
  let tensors: [WeightEntry]
  let convolutions: [WeightConvolution]
  private let path: String
  private let stored: [TFLiteTensor]
  private let records: [String: Record]

  var format: WeightFormat { .tflite }

  init(_ bytes: Bytes) throws(WeightFileError) {
    let graph = try TFLiteGraph(bytes)
    stored = graph.tensors
    path = bytes.path
    var records: [String: Record] = [:]
    var names: [Int: String] = [:]
    var used: Set<String> = []
    func name(_ tensor: Int) -> String {
      if let name = names[tensor] { return name }
      let wish = graph.tensors[tensor].name
      var name = wish.isEmpty ? "#\(tensor)" : wish
      if !used.insert(name).inserted {
        name += "#\(tensor)"
        // A file may hold such a name already.
        while !used.insert(name).inserted { name += "'" }
      }
      names[tensor] = name
      return name
    }
    var convolutions: [WeightConvolution] = []
    for found in graph.convolutions {
      let weight = graph.tensors[found.weight]
      let shape = weight.shape
      guard shape.count == 4, found.isDepthwise ? shape[0] == 1 : true else { continue }
      let record = Record(
        tensor: found.weight, layout: found.isDepthwise ? .depthwise : .convolution,
        shape: found.isDepthwise
          ? [shape[3], 1, shape[1], shape[2]] : [shape[0], shape[3], shape[1], shape[2]])
      let weightName = name(found.weight)
      if let other = records[weightName], other.layout != record.layout {
        throw bytes.damaged(
          "the tensor \(quoted(weightName)) is the weight of two kinds of convolution",
          expected: "one kind")
      }
      records[weightName] = record
      var biasName: String?
      if let bias = found.bias {
        let name = name(bias)
        let products = weight.scales.map { $0 * found.inputScale }
        records[name] = Record(
          tensor: bias, layout: .asStored, shape: graph.tensors[bias].shape, scales: products)
        biasName = name
      }
      let inputChannels = graph.tensors[found.input].shape.last ?? shape[3]
      let groups =
        found.isDepthwise
        ? max(inputChannels, 1) : shape[3] > 0 ? max(inputChannels / shape[3], 1) : 1
      convolutions.append(
        WeightConvolution(
          name: found.name, weight: weightName, bias: biasName, shape: record.shape,
          groups: groups, strides: found.strides, inputs: found.inputs))
    }
    for (index, tensor) in graph.tensors.enumerated() where tensor.data != nil {
      guard names[index] == nil, tensor.typeNumber != 5 else { continue }
      records[name(index)] = Record(tensor: index, layout: .asStored, shape: tensor.shape)
    }
    self.records = records
    self.convolutions = convolutions
    tensors = records.map { name, record in
      let tensor = graph.tensors[record.tensor]
      return WeightEntry(
        name: name, type: tensor.type?.rawValue ?? "type \(tensor.typeNumber)",
        shape: record.shape)
    }.sorted { $0.name < $1.name }
    var facts = WeightFacts(metadata: Self.metadata(bytes), tensors: tensors)
    facts.isDequantized = graph.convolutions.contains { graph.tensors[$0.weight].isQuantized }
    if facts.imageSize == nil, let shape = graph.inputShape, shape.count == 4,
      shape.allSatisfy({ $0 > 0 })
    {
      facts.imageSize = Array(shape[1...2])
    }
    self.facts = facts
  }

  func read(_ name: String) throws(WeightFileError) -> Tensor {
    guard let record = records[name] else { throw .noTensor(file: path, name: name) }
    let array = try stored[record.tensor].values(otherwise: record.scales)
    let tensor = Tensor(array.values, shape: Shape(array.shape))
    switch record.layout {
    case .asStored: return tensor
    case .convolution: return tensor.transposed([0, 3, 1, 2])
    case .depthwise: return tensor.transposed([3, 0, 1, 2])
    }
  }

  /// What Ultralytics' exporter appends as a zip archive with one text in it.
  private static func metadata(_ bytes: Bytes) -> [String: Literal] {
    guard let archive = try? ZipArchive(bytes),
      let entry = archive.entries.first(where: {
        $0.name.hasSuffix("metadata.json") || $0.name.hasSuffix("temp_meta.txt")
      }), let text = try? archive.contents(of: entry),
      let members = (try? LiteralParser.value(in: text, of: "the metadata"))?.members
    else { return [:] }
    var result: [String: Literal] = [:]
    for member in members {
      if let key = member.key.text { result[key] = member.value }
    }
    return result
  }
}
