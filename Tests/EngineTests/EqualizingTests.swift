import Engine
import Graphs
import Models
import Quantization
import Tensors
import Testing

@Suite struct EqualizingTests {
  /// Weights whose channels differ by orders of magnitude.
  private func uneven(_ graph: Graph) -> NamedWeights {
    var random = Philox(seed: 21)
    var weights = graph.initialWeights(seed: 4)
    for parameter in graph.parameters where parameter.role == .scale || parameter.role == .shift {
      weights[parameter.name] = Tensor(
        (0..<parameter.shape.elementCount).map { _ in
          let size = random.uniform(-3, 3)
          return random.uniform(0.2, 1) * (size > 0 ? 1 + size * size : 1 / (1 + size * size))
        }, shape: parameter.shape)
    }
    return weights
  }

  private func outputs(_ graph: Graph, _ weights: NamedWeights) throws -> [[Float]] {
    let plan = try InferencePlan(graph: graph, weights: weights, batchSize: 2)
    var random = Philox(seed: 3)
    for i in 0..<2 * graph.values[graph.inputs[0]].shape.elementCount {
      plan.input[i] = random.uniform(0, 1)
    }
    plan.forward()
    return graph.outputs.map {
      Array(
        UnsafeBufferPointer(
          start: plan.output($0), count: 2 * graph.values[$0].shape.elementCount))
    }
  }

  @Test func `the function stays, through concat, slices, additions and pools`() throws {
    let graph = yolov8(
      .n, classNames: ["a", "b"], inputHeight: 64, inputWidth: 64, activation: .relu)
    let weights = uneven(graph)
    let equalized = try graph.equalizing(weights)
    #expect(equalized.channelCount > 1000)
    for (before, after) in zip(
      try outputs(graph, weights), try outputs(graph, equalized.weights))
    {
      let size = before.reduce(0) { max($0, abs($1)) }
      // Some sixty layers of FP32 sums, each rounded otherwise.
      for (x, y) in zip(before, after) { #expect(abs(x - y) <= 1e-4 * size) }
    }
  }

  @Test func `a channel reaches as far as its weights take of the next layer's grids`() throws {
    var builder = GraphBuilder(name: "pair")
    let image = builder.input("image", shape: [4, 4, 3])
    let y = builder.node(
      .convolution(channels: 6, kernel: 3, stride: 1, padding: 1, groups: 1, bias: false), image,
      name: "first")
    let z = builder.node(.batchNorm(epsilon: 1e-3, momentum: 0.1), y, name: "norm")
    let a = builder.node(.activation(.relu), z, name: "act")
    builder.output(
      builder.node(
        .convolution(channels: 4, kernel: 1, stride: 1, padding: 0, groups: 1, bias: true), a,
        name: "second"))
    let graph = builder.graph
    let weights = uneven(graph)
    func reaches(_ weights: NamedWeights) -> [Float] {
      zip(
        weights["norm.weight"]!.values(as: Float.self), weights["norm.bias"]!.values(as: Float.self)
      ).map { $1 + 3 * $0 }
    }
    func shares(_ weights: NamedWeights) -> [Float] {
      let w = weights["second.weight"]!.values(as: Float.self)
      return (0..<6).map { c in
        (0..<4).map { o in
          abs(w[o * 6 + c]) / w[o * 6..<(o + 1) * 6].map(abs).max()!
        }.max()!
      }
    }
    func unevenness(_ weights: NamedWeights) -> Float {
      let ratios = zip(reaches(weights), shares(weights)).map { $0 / $1 }
      return ratios.max()! / ratios.min()!
    }
    let equalized = try graph.equalizing(weights).weights
    #expect(unevenness(weights) > 4)
    #expect(unevenness(equalized) < 1.01)
    let (r, s) = (reaches(equalized), shares(equalized))
    for c in 0..<6 { #expect(abs(r[c] / s[c] - 1) < 0.01) }
  }

  @Test(arguments: [Activation.silu, .relu6])
  func `activations that do not scale are refused with the reason`(activation: Activation) {
    let graph = yolov8(
      .n, classNames: ["a"], inputHeight: 64, inputWidth: 64, activation: activation)
    let error = #expect(throws: EqualizationError.self) {
      try graph.equalizing(graph.initialWeights(seed: 1))
    }
    #expect(error?.description.contains("f(s·x) = s·f(x)") == true)
    #expect(error?.description.contains(activation.rawValue) == true)
  }
}
