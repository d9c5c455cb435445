import Exporting
import Graphs
import Quantization
import Tensors
import Testing

/// An exported file read back, with the ways to walk through it.
struct ParsedONNX {
  let model: Onnx_ModelProto
  let producers: [String: Onnx_NodeProto]
  let consumers: [String: [Onnx_NodeProto]]
  let constants: [String: Onnx_TensorProto]

  init(_ bytes: [UInt8]) throws {
    model = try parseONNX(bytes)
    var producers: [String: Onnx_NodeProto] = [:]
    var consumers: [String: [Onnx_NodeProto]] = [:]
    for node in model.graph.node {
      for output in node.output {
        #expect(producers[output] == nil, "\(output) is made twice")
        producers[output] = node
      }
      for input in node.input where !input.isEmpty { consumers[input, default: []].append(node) }
    }
    self.producers = producers
    self.consumers = consumers
    constants = Dictionary(
      model.graph.initializer.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
  }

  func nodes(_ type: String) -> [Onnx_NodeProto] { model.graph.node.filter { $0.opType == type } }

  /// The quantizing node before a dequantized tensor.
  func quantizer(of tensor: String) -> Onnx_NodeProto? {
    guard let dequantize = producers[tensor], dequantize.opType == "DequantizeLinear",
      let quantize = producers[dequantize.input[0]], quantize.opType == "QuantizeLinear",
      quantize.input[1...] == dequantize.input[1...]
    else { return nil }
    return quantize
  }
}

@Suite struct ONNXStructureTests {
  static func export(_ fixture: ExportFixture, _ options: ONNXOptions = ONNXOptions()) throws
    -> ParsedONNX
  {
    try ParsedONNX(
      exportONNX(
        graph: fixture.graph, weights: fixture.weights, grids: fixture.grids, options: options))
  }

  @Test func `the file states its versions, input and outputs`() throws {
    let parsed = try Self.export(.tensorrt)
    #expect(parsed.model.irVersion == 8)
    #expect(parsed.model.producerName == "edgewise")
    #expect(parsed.model.opsetImport.map(\.version) == [17])
    func shapes(_ infos: [Onnx_ValueInfoProto]) -> [String: [Int64]] {
      Dictionary(
        uniqueKeysWithValues: infos.map { ($0.name, $0.type.tensorType.shape.dim.map(\.dimValue)) })
    }
    #expect(shapes(parsed.model.graph.input) == ["images": [1, 3, 64, 64]])
    #expect(
      shapes(parsed.model.graph.output) == ["boxes": [1, 84, 4], "scores": [1, 84, 3]])
  }

  @Test func `the number of pictures can be left open`() throws {
    let parsed = try Self.export(.float, ONNXOptions(hasDynamicBatch: true))
    for info in parsed.model.graph.input + parsed.model.graph.output {
      #expect(info.type.tensorType.shape.dim[0].dimParam == "batch")
    }
  }

  @Test func `a float graph has no quantization and folded batch norms`() throws {
    let parsed = try Self.export(.float)
    let types = Set(parsed.model.graph.node.map(\.opType))
    #expect(
      types == [
        "Conv", "Sigmoid", "Mul", "Slice", "Add", "Concat", "MaxPool", "Resize", "Reshape",
        "Softmax", "ReduceSum", "Transpose",
      ])
    #expect(parsed.nodes("Conv").count == 63)
  }

  @Test(arguments: [Target.tensorrt, .portable])
  func `every convolution reads int8 weights and int8 values`(target: Target) throws {
    let parsed = try Self.export(target == .tensorrt ? .tensorrt : .portable)
    #expect(parsed.nodes("Conv").count == 63)
    for conv in parsed.nodes("Conv") {
      #expect(parsed.quantizer(of: conv.input[0]) != nil, "\(conv.name)")
      let weight = try #require(parsed.quantizer(of: conv.input[1]), "\(conv.name)")
      let values = try #require(parsed.constants[weight.input[0]])
      let scales = try #require(parsed.constants[weight.input[1]])
      let zeros = try #require(parsed.constants[weight.input[2]])
      #expect(weight.attribute.map(\.name) == ["axis"] && weight.attribute[0].i == 0)
      #expect(values.dataType == 1 && scales.dataType == 1 && zeros.dataType == 3)
      #expect(scales.dims == [values.dims[0]] && zeros.dims == scales.dims)
      #expect(zeros.int32Data.allSatisfy { $0 == 0 })
      #expect(scales.floatData.allSatisfy { $0 > 0 && $0.isFinite })
      // The bias is a float constant.
      #expect(parsed.constants[conv.input[2]]?.dataType == 1)
      #expect(parsed.constants[conv.input[2]]?.dims == [values.dims[0]])
    }
  }

  @Test func `the integers of a weight are those of training, signs folded in`() throws {
    let fixture = ExportFixture.tensorrt
    let parsed = try Self.export(fixture)
    var (negative, zero) = (0, 0)
    for node in fixture.graph.nodes {
      guard case .convolution = node.operation else { continue }
      let name = fixture.graph.parameters[node.parameters[0]].name
      let weight = fixture.weights[name]!
      let trained = WeightGrid(weight, bits: 8).quantize(weight).values(as: Int8.self)
      let values = try #require(parsed.constants[name]).floatData
      let scales = try #require(parsed.constants["\(name).scale"]).floatData
      let normName = name.replacing(".conv.weight", with: ".bn.weight")
      let gains = normName == name ? nil : fixture.weights[normName]?.values(as: Float.self)
      let perChannel = values.count / scales.count
      for (index, value) in values.enumerated() {
        let o = index / perChannel
        let gain = gains?[o] ?? 1
        let sign = gain < 0 ? -1 : gain == 0 ? 0 : 1
        let q = Int((value / scales[o]).rounded(.toNearestOrEven))
        #expect(q == sign * Int(trained[index]))
        negative += sign < 0 && q != 0 ? 1 : 0
        zero += sign == 0 ? 1 : 0
        if sign == 0 { #expect(scales[o] == scales.max()) }
      }
    }
    #expect(negative > 1000 && zero > 1000)
  }

  @Test(arguments: [Target.tensorrt, .portable])
  func `each reader of a quantized value has a pair of its own`(target: Target) throws {
    let parsed = try Self.export(target == .tensorrt ? .tensorrt : .portable)
    let quantizers = parsed.nodes("QuantizeLinear")
    #expect(quantizers.count == parsed.nodes("DequantizeLinear").count)
    #expect(quantizers.count > 63 * 2)
    for quantize in quantizers {
      let readers = parsed.consumers[quantize.output[0]] ?? []
      #expect(readers.map(\.opType) == ["DequantizeLinear"], "\(quantize.name)")
      let dequantize = try #require(readers.first)
      #expect(quantize.input[1...] == dequantize.input[1...])
      #expect(parsed.consumers[dequantize.output[0]]?.count == 1, "\(dequantize.name)")
    }
  }

  @Test(arguments: [Target.tensorrt, .portable])
  func `nothing is quantized inside convolution and SiLU`(target: Target) throws {
    let parsed = try Self.export(target == .tensorrt ? .tensorrt : .portable)
    var activated = 0
    for conv in parsed.nodes("Conv") {
      let readers = (parsed.consumers[conv.output[0]] ?? []).map(\.opType).sorted()
      if readers == ["Mul", "Sigmoid"] {
        activated += 1
      } else {
        #expect(readers == [target == .tensorrt ? "Reshape" : "QuantizeLinear"], "\(conv.name)")
      }
    }
    #expect(activated == 57)
    for sigmoid in parsed.nodes("Sigmoid") where sigmoid.name != "decode.chances" {
      #expect(parsed.consumers[sigmoid.output[0]]?.map(\.opType) == ["Mul"])
      #expect(parsed.producers[sigmoid.input[0]]?.opType == "Conv")
    }
  }

  @Test(arguments: [Target.tensorrt, .portable])
  func `what concat joins has one scale on all sides`(target: Target) throws {
    let parsed = try Self.export(target == .tensorrt ? .tensorrt : .portable)
    let joins = parsed.nodes("Concat").filter { !$0.name.hasPrefix("decode") }
    #expect(joins.count == 13)
    for join in joins {
      let scales = Set(join.input.compactMap { parsed.quantizer(of: $0)?.input[1] })
      #expect(scales.count == 1, "\(join.name)")
      #expect(join.input.allSatisfy { parsed.quantizer(of: $0) != nil })
      let readers = try #require(parsed.consumers[join.output[0]])
      #expect(readers.allSatisfy { $0.opType == "QuantizeLinear" && scales.contains($0.input[1]) })
    }
  }

  @Test func `of two addends TensorRT gets one quantized, portable both`() throws {
    for (fixture, pairs) in [(ExportFixture.tensorrt, 1), (.portable, 2)] {
      let parsed = try Self.export(fixture)
      let adds = parsed.nodes("Add").filter { !$0.name.hasPrefix("decode") }
      #expect(adds.count == 6)
      for add in adds {
        #expect(add.input.filter { parsed.quantizer(of: $0) != nil }.count == pairs)
        #expect(parsed.quantizer(of: add.input[0]) != nil)
      }
    }
  }

  @Test func `boxes and scores pass through nothing quantized after the head`() throws {
    let parsed = try Self.export(.portable)
    for node in parsed.model.graph.node where node.name.hasPrefix("decode") {
      #expect(!node.opType.hasSuffix("QuantizeLinear") || node.name.contains(".input"))
    }
    // The heads' grids are six different ones: no box shares a scale with a class.
    let heads = parsed.nodes("Reshape").compactMap { parsed.quantizer(of: $0.input[0])?.input[1] }
    #expect(heads.count == 6 && Set(heads).count == 6)
  }

  @Test func `raw heads are handed out as they are`() throws {
    let names = [
      "boxes.stride8", "classes.stride8", "boxes.stride16", "classes.stride16",
      "boxes.stride32", "classes.stride32",
    ]
    for fixture in [ExportFixture.tensorrt, .portable] {
      let parsed = try Self.export(fixture, ONNXOptions(hasRawHeads: true))
      #expect(parsed.model.graph.output.map(\.name) == names)
      #expect(
        parsed.model.graph.output[1].type.tensorType.shape.dim.map(\.dimValue) == [1, 3, 8, 8])
      #expect(parsed.nodes("Softmax").isEmpty)
      #expect(Set(names).allSatisfy { parsed.producers[$0] != nil })
    }
  }

  @Test func `narrow grids are clipped before int8 saturates`() throws {
    let fixture = ExportFixture(
      ExportFixture.yolo(.relu6), target: .tensorrt, weightBits: 4, activationBits: 4)
    let parsed = try Self.export(fixture)
    let clips = parsed.nodes("Clip").filter { $0.name.hasSuffix(".quantize") }
    let sites = fixture.graph.nodes.filter {
      if case .fakeQuantize = $0.operation { true } else { false }
    }
    #expect(clips.count == sites.count)
    let image = try #require(clips.first { $0.name == "image.quantize" })
    #expect(parsed.constants[image.input[2]]?.floatData == [7 * fixture.grids[0].scale])
    for conv in parsed.nodes("Conv") {
      let weight = try #require(parsed.quantizer(of: conv.input[1]))
      let values = try #require(parsed.constants[weight.input[0]]).floatData
      let scales = try #require(parsed.constants[weight.input[1]]).floatData
      let perChannel = values.count / scales.count
      for (index, value) in values.enumerated() {
        #expect(abs((value / scales[index / perChannel]).rounded()) <= 7)
      }
    }
  }

  @Test func `the same model is the same bytes`() throws {
    let f = ExportFixture.portable
    let metadata = ["step": "12", "a": "b", "z": "y", "run": "x"]
    let once = try exportONNX(
      graph: f.graph, weights: f.weights, grids: f.grids, metadata: metadata)
    let again = try exportONNX(
      graph: f.graph, weights: f.weights, grids: f.grids, metadata: metadata)
    #expect(once == again)
  }

  @Test func `a classifier is exported with its logits`() throws {
    var b = GraphBuilder(name: "classifier")
    let image = b.input("images", shape: [8, 8, 3])
    let conv = b.node(
      .convolution(channels: 4, kernel: 3, stride: 2, padding: 1, groups: 1, bias: false), image,
      name: "scores")
    let act = b.node(.activation(.relu), conv, name: "act")
    let mean = b.node(.globalAveragePool, act, name: "mean")
    b.output(b.node(.linear(features: 5, bias: true), mean, name: "output.0"))
    let graph = b.graph.placingSites(Target.tensorrt.rules)
    var weights = NamedWeights()
    for parameter in graph.parameters {
      weights[parameter.name] = Tensor(
        (0..<parameter.shape.elementCount).map { Float($0 % 5) - 2 }, shape: parameter.shape)
    }
    let grids = graph.sites.map { _ in Grid(covering: 0, 4, bits: 8, symmetric: true) }
    let parsed = try ParsedONNX(exportONNX(graph: graph, weights: weights, grids: grids))
    #expect(parsed.model.graph.output.map(\.name) == ["output.0"])
    #expect(
      parsed.model.graph.output[0].type.tensorType.shape.dim.map(\.dimValue) == [1, 5])
    let gemm = try #require(parsed.nodes("Gemm").first)
    #expect(
      parsed.quantizer(of: gemm.input[0]) != nil && parsed.quantizer(of: gemm.input[1]) != nil)
    // Values of the graph that carry the reserved names got others.
    #expect(parsed.nodes("Conv").map(\.name) == ["scores.1"])
    #expect(Set(parsed.model.graph.node.map(\.name)).count == parsed.model.graph.node.count)
  }
}
