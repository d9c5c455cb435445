import Graphs
import Quantization
import Tensors
import Testing

@Suite struct PlacementTests {
  /// image → block → pool → upsample; block + upsample (the skip) → concat with the block → convolution.
  static func graph() -> Graph {
    var b = GraphBuilder(name: "small")
    func block(_ x: GraphBuilder.Handle, _ name: String) -> GraphBuilder.Handle {
      let conv = b.node(
        .convolution(channels: 4, kernel: 3, stride: 1, padding: 1, groups: 1, bias: false), x,
        name: "\(name).conv")
      let norm = b.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), conv, name: "\(name).bn")
      return b.node(.activation(.silu), norm, name: "\(name).act")
    }
    let image = b.input("image", shape: [4, 4, 3])
    let a = block(image, "a")
    let inner = block(a, "inner")
    let sum = b.node(.add, a, inner, name: "sum")
    let pool = b.node(.maxPool(kernel: 2, stride: 2, padding: 0), sum, name: "pool")
    let up = b.node(.upsample(factor: 2), pool, name: "up")
    let joined = b.node(.concat, a, up, name: "joined")
    let c = block(joined, "c")
    b.output(
      b.node(
        .convolution(channels: 2, kernel: 1, stride: 1, padding: 0, groups: 1, bias: true), c,
        name: "head"))
    return b.graph
  }

  static func quantized(_ graph: Graph) -> [String: Int] {
    var result: [String: Int] = [:]
    for node in graph.nodes {
      if case .fakeQuantize(let site) = node.operation { result[node.name] = site }
    }
    return result
  }

  @Test func `what concat, upsample and pooling join is one site`() throws {
    let graph = Self.graph().placingSites(Target.tensorrt.rules)
    try graph.validate()
    let sites = Self.quantized(graph)
    #expect(
      Set(sites.keys) == ["image.quantize", "a.act.quantize", "sum.quantize", "c.act.quantize"])
    #expect(sites["a.act.quantize"] == sites["sum.quantize"])
    #expect(graph.sites.map(\.name) == ["image", "a.act", "c.act"])
    #expect(graph.sites.allSatisfy { $0.symmetric && $0.bits == 8 })
  }

  @Test func `the portable target also quantizes both addends and the outputs`() throws {
    let graph = Self.graph().placingSites(Target.portable.rules)
    try graph.validate()
    let sites = Self.quantized(graph)
    #expect(
      Set(sites.keys) == [
        "image.quantize", "a.act.quantize", "inner.act.quantize", "sum.quantize", "c.act.quantize",
        "head.quantize",
      ])
    #expect(graph.sites.count == 5)
    #expect(graph.values[graph.outputs[0]].name == "head.quantized")
  }

  @Test(arguments: [Target.tensorrt, .portable])
  func `nothing is quantized between a convolution and its activation`(target: Target) {
    let graph = Self.graph().placingSites(target.rules)
    let producers = graph.producers()
    for node in graph.nodes {
      switch node.operation {
      case .batchNorm, .activation:
        let producer = graph.nodes[producers[node.inputs[0]]!]
        if case .fakeQuantize = producer.operation { Issue.record("\(producer.name)") }
      default: break
      }
    }
  }

  @Test func `only the picture has a known range; weights and sites have the bits asked for`() {
    let graph = Self.graph().placingSites(
      Target.portable.rules, weightBits: 4, activationBits: 6)
    #expect(graph.sites.map(\.fixedRange) == [.init(low: 0, high: 1), nil, nil, nil, nil])
    #expect(graph.sites.allSatisfy { $0.bits == 6 })
    for node in graph.nodes {
      if case .convolution = node.operation {
        #expect(node.weightBits == 4)
      } else {
        #expect(node.weightBits == nil)
      }
    }
  }

  @Test func `parameters are untouched, so weights fit both graphs`() {
    let graph = Self.graph()
    for target in Target.allCases {
      #expect(graph.placingSites(target.rules).parameters == graph.parameters)
    }
  }

  @Test(arguments: [Target.tflite, .edgetpu, .onnxruntime])
  func `where the target has no SiLU, the convolution's output and the gate are sites`(
    target: Target
  ) throws {
    let graph = Self.graph().placingSites(target.rules)
    try graph.validate()
    let sites = Self.quantized(graph)
    let blocks = ["a", "inner", "c"]
    #expect(
      Set(sites.keys)
        == Set(
          ["image.quantize", "sum.quantize", "head.quantize"]
            + blocks.flatMap {
              ["\($0).bn.quantize", "\($0).act.sigmoid.quantize", "\($0).act.quantize"]
            }))
    for block in blocks {
      let gate = graph.sites[try #require(sites["\(block).act.sigmoid.quantize"])]
      let grid = Grid(
        covering: gate.fixedRange!.low, gate.fixedRange!.high, bits: gate.bits,
        symmetric: gate.symmetric)
      #expect(grid == Grid(scale: 1 / 256, zeroPoint: -128, minimum: -128, maximum: 127))
      #expect(graph.sites[try #require(sites["\(block).bn.quantize"])].fixedRange == nil)
      // Both factors of the product are quantized, the first of them as the sigmoid reads it.
      let product = try #require(graph.nodes.first { $0.name == "\(block).act" })
      let sigmoid = try #require(graph.nodes.first { $0.name == "\(block).act.sigmoid" })
      #expect(product.operation == .multiply && sigmoid.operation == .sigmoid)
      #expect(product.inputs[0] == sigmoid.inputs[0])
      #expect(graph.values[product.inputs[1]].name == "\(block).act.sigmoid.quantized")
    }
  }

  @Test func `a ReLU is one with its convolution on every target`() {
    var b = GraphBuilder(name: "relu")
    let image = b.input("image", shape: [4, 4, 3])
    let conv = b.node(
      .convolution(channels: 4, kernel: 1, stride: 1, padding: 0, groups: 1, bias: true), image,
      name: "conv")
    b.output(b.node(.activation(.relu6), conv, name: "act"))
    for target in Target.allCases {
      let expected: Set = target == .tensorrt ? ["image"] : ["image", "act"]
      #expect(Set(b.graph.placingSites(target.rules).sites.map(\.name)) == expected, "\(target)")
    }
  }

  @Test func `targets are symmetric or not, and say where that is written`() {
    for target in Target.allCases {
      let graph = Self.graph().placingSites(target.rules)
      #expect(graph.sites.allSatisfy { $0.symmetric == target.rules.symmetric })
      #expect(!target.rules.source.isEmpty)
    }
    #expect(
      Target.allCases.filter(\.rules.symmetric) == [.tensorrt, .portable])
  }
}
