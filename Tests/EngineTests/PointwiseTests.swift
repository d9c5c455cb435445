import Engine
import Glibc
import Graphs
import Tensors
import Testing

@Suite struct PointwiseTests {
  static let channels = [1, 3, 5, 16, 17, 19, 32]

  @Test(arguments: channels, [BatchNormMode.batch, .running])
  func `a batch norm with and without what follows it`(channels: Int, mode: BatchNormMode) throws {
    for (activation, batch) in [(nil, 3), (Activation.silu, 1), (.relu, 3), (.relu6, 1)] {
      var tiny = TinyGraph()
      var x = tiny.lead(7, 5, channels: channels)
      x = tiny.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), x, name: "norm")
      if let activation { x = tiny.node(.activation(activation), x, name: "act") }
      tiny.output(x)
      var check = GraphCheck(tiny.graph, batchSize: batch)
      check.batchNormMode = mode
      try check.run()
    }
  }

  @Test(arguments: channels, Activation.allCases)
  func `an activation alone`(channels: Int, activation: Activation) throws {
    for batch in [1, 3] {
      var check = GraphCheck(
        TinyGraph.around(.activation(activation), H: 5, W: 7, channels: channels), batchSize: batch)
      try check.run()
    }
  }

  @Test(arguments: [BatchNormMode.batch, .running])
  func `a batch norm reports the statistics it saw`(mode: BatchNormMode) throws {
    let graph = TinyGraph.around(
      .batchNorm(epsilon: 1e-3, momentum: 0.03), H: 9, W: 5, channels: 19)
    var check = GraphCheck(graph, batchSize: 3)
    check.batchNormMode = mode
    let (plan, store) = try check.plan()
    let trace = check.reference().forward(check.input.map(Double.init))
    for segment in store.layout.statistics {
      let parameter = graph.parameters.firstIndex { $0.name == segment.name }!
      let reported = (0..<segment.count).map { plan.shardStatistics[segment.offset + $0] }
      // One rounding of a sum in Double over FP32 blocks of a few hundred terms.
      #expect(worstDifference(reported, trace.shardStatistics[parameter]) <= 2e-6)
    }
  }

  @Test func `a mean far from zero costs the variance no digits`() throws {
    let graph = TinyGraph.around(
      .batchNorm(epsilon: 1e-3, momentum: 0.03), H: 16, W: 16, channels: 17)
    var check = GraphCheck(graph, batchSize: 3)
    check.weights["lead.bias"]!.withMutableElements(as: Float.self) { values in
      for i in values.indices { values[i] += 1000 }
    }
    let trace = check.reference().forward(check.input.map(Double.init))
    let (plan, store) = try check.plan()
    let segment = store.layout.statistics.first { $0.role == .runningVariance }!
    let parameter = graph.parameters.firstIndex { $0.name == segment.name }!
    let reported = (0..<segment.count).map { plan.shardStatistics[segment.offset + $0] }
    // The values around 1000 are themselves rounded to 3e-5, a few 1e-4 of their deviation at most;
    // sums of squares in FP32 would be off by more than the whole variance.
    #expect(worstDifference(reported, trace.shardStatistics[parameter]) <= 1e-3)
  }

  @Test func `activations at their corners and far out`() throws {
    let z: [Float] = [
      -.greatestFiniteMagnitude, -1000, -88, -20, -1, -1e-30, -0.0, 0, 1e-30, 0.5, 5.999_999_5, 6,
      6.000_000_5, 20, 88, 1000, 1e30,
    ]
    for (kind, value, slope) in [
      (Activation.relu, { max($0, 0) }, { $0 > 0 ? 1 : 0 }),
      (.relu6, { min(max($0, 0), 6) }, { $0 > 0 && $0 < 6 ? 1 : 0 }),
      (.silu, { $0 / (1 + exp(-$0)) }, { z in
        let s = 1 / (1 + exp(-z))
        return s + z * s * (1 - s)
      }),
    ] as [(Activation, (Double) -> Double, (Double) -> Double)] {
      var net = ElementGraph(count: z.count)
      let y = net.builder.node(.activation(kind), net.elements, name: "act")
      net.builder.output(y)
      let (outputs, gradient, _) = try net.run(z)
      for i in z.indices {
        // SiLU's sigmoid stops at e^87: what is left of it there is below 1e-36 · |z|.
        let expected = [value(Double(z[i])), slope(Double(z[i]))]
        for (actual, expected) in zip([outputs[0][i], gradient[i]], expected) {
          let error = abs(Double(actual) - expected)
          #expect(
            error <= 2e-6 * abs(expected) + 1e-36 * max(1, abs(Double(z[i]))) + 1e-30,
            "\(kind) at \(z[i]): \(actual), expected \(expected)")
        }
      }
    }
  }

  @Test func `a NaN goes through every activation`() throws {
    for kind in Activation.allCases {
      var net = ElementGraph(count: 17)
      net.builder.output(net.builder.node(.activation(kind), net.elements, name: "act"))
      let (outputs, _, _) = try net.run([Float](repeating: .nan, count: 17))
      #expect(outputs[0].allSatisfy { $0.isNaN }, "\(kind)")
    }
  }
}
