import Graphs
import Tensors
import Testing

@Suite struct FoldBatchNormTests {
  /// A convolution of 2 channels with batch norm, ReLU, and a second one with a bias of its own.
  static func graph() -> Graph {
    var b = GraphBuilder(name: "folding")
    let image = b.input("image", shape: [5, 4, 2])
    let conv = b.node(
      .convolution(channels: 3, kernel: 3, stride: 2, padding: 1, groups: 1, bias: false), image,
      name: "a.conv")
    let norm = b.node(.batchNorm(epsilon: 1e-3, momentum: 0.1), conv, name: "a.bn")
    let act = b.node(.activation(.relu), norm, name: "a.act")
    let second = b.node(
      .convolution(channels: 6, kernel: 1, stride: 1, padding: 0, groups: 3, bias: true), act,
      name: "b.conv")
    b.output(b.node(.batchNorm(epsilon: 1e-3, momentum: 0.1), second, name: "b.bn"))
    return b.graph
  }

  static func weights(_ graph: Graph) -> NamedWeights {
    var random = Philox(seed: 5)
    var weights = NamedWeights()
    for parameter in graph.parameters {
      let positive = parameter.role == .runningVariance
      weights[parameter.name] = Tensor(
        (0..<parameter.shape.elementCount).map { _ in
          positive ? random.uniform(0.2, 2) : random.uniform(-1, 1)
        }, shape: parameter.shape)
    }
    return weights
  }

  /// Convolution, batch norm and ReLU of one picture, literally, in Double.
  static func evaluate(_ graph: Graph, _ weights: NamedWeights, _ image: [Double]) -> [Double] {
    var values = [[Double]](repeating: [], count: graph.values.count)
    values[graph.inputs[0]] = image
    for node in graph.nodes {
      let x = values[node.inputs[0]]
      let shape = graph.values[node.inputs[0]].shape
      let out = graph.values[node.output].shape
      let p = node.parameters.map {
        weights[graph.parameters[$0].name]!.values(as: Float.self).map(Double.init)
      }
      var y = [Double](repeating: 0, count: out.elementCount)
      for index in y.indices {
        let (row, column, o) = (index / out[2] / out[1], index / out[2] % out[1], index % out[2])
        switch node.operation {
        case .convolution(let channels, let kernel, let stride, let padding, let groups, _):
          let (perIn, perOut) = (shape[2] / groups, channels / groups)
          var sum = p.count > 1 ? p[1][o] : 0
          for c in 0..<perIn {
            for i in 0..<kernel {
              for j in 0..<kernel {
                let (r, s) = (row * stride + i - padding, column * stride + j - padding)
                guard (0..<shape[0]).contains(r), (0..<shape[1]).contains(s) else { continue }
                sum +=
                  x[(r * shape[1] + s) * shape[2] + o / perOut * perIn + c]
                  * p[0][((o * perIn + c) * kernel + i) * kernel + j]
              }
            }
          }
          y[index] = sum
        case .batchNorm(let epsilon, _):
          y[index] =
            p[0][o] * (x[index] - p[2][o]) / (p[3][o] + Double(epsilon)).squareRoot() + p[1][o]
        default: y[index] = max(x[index], 0)
        }
      }
      values[node.output] = y
    }
    return values[graph.outputs[0]]
  }

  @Test func `the folded graph computes the same`() throws {
    let graph = Self.graph()
    let weights = Self.weights(graph)
    var random = Philox(seed: 6)
    let image = (0..<40).map { _ in Double(random.uniform(-1, 1)) }
    let folded = try graph.foldingBatchNorm(weights)
    try folded.graph.validate()
    try folded.graph.check(folded.weights)
    #expect(folded.graph.nodes.map(\.name) == ["a.conv", "a.act", "b.conv"])
    #expect(
      folded.graph.parameters.map(\.name) == [
        "a.conv.weight", "a.conv.bias", "b.conv.weight", "b.conv.bias",
      ])
    #expect(folded.weights.count == 4)
    let expected = Self.evaluate(graph, weights, image)
    let got = Self.evaluate(folded.graph, folded.weights, image)
    #expect(expected.contains { abs($0) > 0.5 })
    for (a, b) in zip(expected, got) {
      // Factors and products were rounded to 24 bits: a few units of 6e-8 each.
      #expect(abs(a - b) < 2e-6 * max(1, abs(a)))
    }
  }

  @Test func `a batch norm whose convolution has another reader is refused by name`() {
    var b = GraphBuilder(name: "shared")
    let image = b.input("image", shape: [2, 2, 1])
    let conv = b.node(
      .convolution(channels: 1, kernel: 1, stride: 1, padding: 0, groups: 1, bias: false), image,
      name: "conv")
    let norm = b.node(.batchNorm(epsilon: 1, momentum: 1), conv, name: "norm")
    b.output(b.node(.add, conv, norm, name: "sum"))
    let graph = b.graph
    let error = #expect(throws: GraphError.self) {
      try graph.foldingBatchNorm(Self.weights(graph))
    }
    #expect(error?.node == "norm")
  }

  @Test func `missing and misshapen weights are named`() {
    let graph = Self.graph()
    var weights = Self.weights(graph)
    weights["b.conv.bias"] = nil
    let missing = #expect(throws: GraphError.self) { try graph.foldingBatchNorm(weights) }
    #expect(missing?.description.contains("no weights for b.conv.bias") == true)
    weights["b.conv.bias"] = Tensor(shape: [5])
    let wrong = #expect(throws: GraphError.self) { try graph.check(weights) }
    #expect(
      wrong?.description.contains("b.conv.bias are float32 [5], expected float32 [6]") == true)
    weights["b.conv.bias"] = Tensor(shape: [6], dtype: .int8)
    #expect(throws: GraphError.self) { try graph.check(weights) }
  }

  @Test func `the head follows its outputs through the folding`() throws {
    var graph = GraphValidationTests.detector()
    let weights = Self.weights(graph)
    graph.sites = []
    graph.nodes.removeFirst()
    for index in graph.nodes.indices { graph.nodes[index].inputs = [0] }
    let folded = try graph.foldingBatchNorm(weights)
    try folded.graph.validate()
    let level = try #require(folded.graph.head?.levels.first)
    #expect(folded.graph.values[level.boxes].name == "boxes")
    #expect(folded.graph.values[level.classes].name == "classes")
  }
}
