import Engine
import Graphs
import Tensors
import Testing

/// Graphs that nobody thought of.
@Suite struct RandomGraphTests {
  /// Some ten nodes over a small picture; any value may be read often, never, or be an output.
  static func graph(seed: UInt64) -> Graph {
    var random = Philox(seed: seed, stream: 7)
    var tiny = TinyGraph()
    let channelChoices = [1, 3, 4, 5, 16, 17]
    var values = [
      tiny.lead(
        3 + random.integer(below: 5), 3 + random.integer(below: 5),
        channels: channelChoices[random.integer(below: channelChoices.count)])
    ]
    for index in 0..<6 + random.integer(below: 8) {
      let x = values[random.integer(below: values.count)]
      let shape = tiny.builder.shape(of: x)
      let alike = values.filter { tiny.builder.shape(of: $0) == shape }
      let joinable = values.filter {
        Array(tiny.builder.shape(of: $0).extents[0..<2]) == Array(shape.extents[0..<2])
      }
      let name = "n\(index)"
      let out = channelChoices[random.integer(below: channelChoices.count)]
      let y: TinyGraph.Handle
      switch random.integer(below: 12) {
      case 0, 1:
        let kernel = min(1 + 2 * random.integer(below: 2), shape[0], shape[1])
        y = tiny.node(
          .convolution(
            channels: out, kernel: kernel, stride: 1 + random.integer(below: 2),
            padding: kernel / 2, groups: 1, bias: random.integer(below: 2) == 0), x, name: name)
      case 2:
        y = tiny.node(
          .convolution(
            channels: shape[2], kernel: 1, stride: 1, padding: 0, groups: shape[2], bias: true), x,
          name: name)
      case 3: y = tiny.node(.batchNorm(epsilon: 1e-2, momentum: 0.1), x, name: name)
      case 4, 5:
        y = tiny.node(.activation(Activation.allCases[random.integer(below: 3)]), x, name: name)
      case 6: y = tiny.node(.add, x, alike[random.integer(below: alike.count)], name: name)
      case 7:
        let other = joinable[random.integer(below: joinable.count)]
        y = tiny.builder.node(.concat, [x, other], name: name)
      case 8:
        let from = random.integer(below: shape[2])
        y = tiny.node(
          .slice(from: from, count: 1 + random.integer(below: shape[2] - from)), x, name: name)
      case 9: y = tiny.node(.sigmoid, x, name: name)
      case 10:
        y = tiny.node(.multiply, x, alike[random.integer(below: alike.count)], name: name)
      default:
        y =
          shape[0] * shape[1] <= 16
          ? tiny.node(.upsample(factor: 2), x, name: name)
          : tiny.node(.maxPool(kernel: 3, stride: 2, padding: 1), x, name: name)
      }
      values.append(y)
    }
    tiny.output(values[values.count - 1])
    for value in values.dropLast() where random.integer(below: 4) == 0 { tiny.output(value) }
    return tiny.graph
  }

  @Test(arguments: 1...40) func `a random graph`(seed: UInt64) throws {
    let batch = 1 + Int(seed % 3)
    var check = GraphCheck(Self.graph(seed: seed), batchSize: batch, seed: seed)
    check.batchNormMode = seed % 4 == 0 ? .running : .batch
    // Several batch norms over a few pixels behind each other magnify rounding.
    check.forwardTolerance = 1e-4
    check.gradientTolerance = 1e-3
    check.gradientFloor = 1e-4
    try check.run()
  }

  @Test(arguments: 1...12) func `folding changes nothing but the last digits`(seed: UInt64) throws {
    var random = Philox(seed: seed)
    var tiny = TinyGraph()
    var x = tiny.lead(9, 7, channels: 5)
    for i in 0..<3 {
      let shape = tiny.builder.shape(of: x)
      let channels = [3, 16, 17, 32][random.integer(below: 4)]
      let y = tiny.node(
        .convolution(
          channels: channels, kernel: 3, stride: 1 + i % 2, padding: 1, groups: 1,
          bias: seed % 2 == 0), x, name: "c\(i)")
      let z = tiny.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), y, name: "c\(i).bn")
      x = tiny.node(.activation(Activation.allCases[i]), z, name: "c\(i).act")
      if tiny.builder.shape(of: x) == shape { x = tiny.node(.add, x, x, name: "c\(i).twice") }
      if i == 1 { tiny.output(x) }
    }
    tiny.output(x)
    var check = GraphCheck(tiny.graph, batchSize: 3, seed: seed)
    check.batchNormMode = .running
    let (training, _) = try check.plan()
    let expected = check.outputs(of: training)
    let (graph, weights) = try tiny.graph.foldingBatchNorm(check.weights)
    #expect(!graph.nodes.contains { if case .batchNorm = $0.operation { true } else { false } })
    let plan = try InferencePlan(graph: graph, weights: weights, batchSize: 3)
    plan.input.update(from: check.input, count: check.input.count)
    plan.forward()
    for (value, expected) in zip(graph.outputs, expected) {
      let actual = Array(UnsafeBufferPointer(start: plan.output(value), count: expected.count))
      // The factor of a channel is rounded into the weights: three layers of FP32 sums.
      #expect(worstDifference(actual, expected.map(Double.init)) <= 1e-5)
    }
  }
}
