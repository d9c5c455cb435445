import Engine
import Graphs
import Quantization
import Tensors
import Testing

@Suite struct LearnedScaleTests {
  @Test(arguments: [1, 15, 16, 17, 144], [2, 4, 8])
  func `weights get the very bits of WeightGrid with the same scales`(count: Int, bits: Int) {
    let O = 5
    var random = Philox(seed: UInt64(count))
    let values = (0..<O * count).map { _ in random.uniform(-1, 1) }
    // Narrow, wide, and three that are no scale.
    let scales: [Float] = [0.01, 0.5, 0, -1, .nan]
    let weight = Tensor(values, shape: [O, count])
    let grid = WeightGrid(scales: scales, bits: bits)
    var real = [Float](repeating: 0, count: O * count)
    var integers = [Int8](repeating: 0, count: O * count)
    var used = [Float](repeating: 0, count: O)
    quantizeWeight(
      values, learned: scales, O: O, count: count, limit: Float(grid.limit), real: &real,
      integers: &integers, scales: &used)
    #expect(Tensor(real, shape: [O, count]).isBitwiseEqual(to: grid.fakeQuantize(weight)))
    #expect(integers == grid.quantize(weight).values(as: Int8.self))
    #expect(used == grid.scales)
  }

  /// Layers with a site behind an activation, one behind an addition, and one that two values share.
  private func graph(_ bits: Int, _ kind: Kind, _ method: LearnedRange.Method?) -> Graph {
    var tiny = TinyGraph()
    let image = tiny.builder.input("image", shape: [6, 5, 3])
    let q0 = tiny.node(.fakeQuantize(site: 0), image, name: "image.quantized")
    func block(_ x: TinyGraph.Handle, site: Int?, _ name: String) -> TinyGraph.Handle {
      let y = tiny.node(
        .convolution(channels: 6, kernel: 3, stride: 1, padding: 1, groups: 1, bias: false), x,
        name: name)
      let z = tiny.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), y, name: "\(name).bn")
      let a = tiny.node(.activation(.silu), z, name: "\(name).act")
      return site.map {
        tiny.node(.fakeQuantize(site: $0), a, name: "\(name).quantized")
      } ?? a
    }
    let a = block(q0, site: 1, "a")
    let b = block(a, site: 2, "b")
    let sum = tiny.node(.add, a, b, name: "sum")
    let q3 = tiny.node(.fakeQuantize(site: 3), sum, name: "sum.quantized")
    let c = block(q3, site: 4, "c")
    let d = block(q3, site: 4, "d")
    let joined = tiny.node(.concat, c, d, name: "joined")
    tiny.output(tiny.node(TinyGraph.pointwise(3), joined, name: "last"))
    var graph = tiny.graph.withSites(5).withWeightBits(bits)
    for site in graph.sites.indices {
      graph.sites[site].bits = bits
      graph.sites[site].symmetric = kind != .affine
      graph.sites[site].shifted = kind == .shifted ? true : nil
    }
    graph.sites[0].bits = 8
    graph.sites[0].symmetric = true
    graph.sites[0].shifted = nil
    graph.sites[0].fixedRange = .init(low: -1, high: 1)
    return graph.learningScales(weights: true, ranges: method)
  }

  enum Kind: CaseIterable { case symmetric, affine, shifted }

  /// Scales of weights that clamp some of them, and ranges that clamp some values at both ends.
  private func learning(_ graph: Graph, _ mode: BatchNormMode) throws -> GraphCheck {
    var check = GraphCheck(graph, batchSize: 2, seed: 5)
    check.batchNormMode = mode
    for node in graph.nodes {
      guard let bits = node.weightBits, let scale = node.weightScale else { continue }
      let weight = check.weights[graph.parameters[node.parameters[0]].name]!
      let scales = WeightGrid(weight, bits: bits).scales.map { 0.8 * $0 }
      check.weights[graph.parameters[scale].name] = Tensor(scales, shape: [scales.count])
    }
    check = try check.calibrated()
    for (index, site) in graph.sites.enumerated() {
      guard let learned = site.learned else { continue }
      let grid = site.grid(
        covering: 0.6 * check.grids[index].low, 0.6 * check.grids[index].high)
      check.weights[graph.parameters[learned.parameter].name] = Tensor(
        site.learnedValues(learned.method, of: grid), shape: [site.hasTwoEnds ? 2 : 1])
    }
    // A quotient by the scale is good to some 1e-6 of up to 15 levels, against rounding errors of a
    // quarter: gradients of scales are sums of those.
    check.gradientTolerance = 1e-3
    return check
  }

  @Test(arguments: Kind.allCases, [LearnedRange.Method.lsq, .pact])
  func `gradients of scales and ranges are those of the straight-through function`(
    kind: Kind, method: LearnedRange.Method
  ) throws {
    for mode in [BatchNormMode.running, .batch] {
      let graph = graph(4, kind, method)
      try graph.validate()
      var check = try learning(graph, mode)
      try check.run()
    }
  }

  /// Targets whose SiLU is a sigmoid and a product have a site on the convolution's output, too.
  @Test(arguments: [Target.onnxruntime, .tflite], [LearnedRange.Method.lsq, .pact])
  func `ranges inside a split SiLU are learned`(target: Target, method: LearnedRange.Method) throws
  {
    var tiny = TinyGraph()
    let image = tiny.builder.input("image", shape: [6, 5, 3])
    func block(_ x: TinyGraph.Handle, _ name: String) -> TinyGraph.Handle {
      let y = tiny.node(
        .convolution(channels: 6, kernel: 3, stride: 1, padding: 1, groups: 1, bias: false), x,
        name: name)
      let z = tiny.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), y, name: "\(name).bn")
      return tiny.node(.activation(.silu), z, name: "\(name).act")
    }
    let a = block(image, "a")
    let b = block(a, "b")
    tiny.output(
      tiny.node(TinyGraph.pointwise(3), tiny.node(.add, a, b, name: "sum"), name: "last"))
    var graph = tiny.graph.placingSites(target.rules, weightBits: 4)
    // Inside, so that 4 bits do not make every value of a sigmoid the same few.
    for site in graph.sites.indices where graph.sites[site].fixedRange == nil {
      graph.sites[site].bits = 5
    }
    graph = graph.learningScales(weights: true, ranges: method)
    try graph.validate()
    #expect(graph.sites.contains { $0.learned != nil && $0.name.hasSuffix(".bn") })
    for mode in [BatchNormMode.running, .batch] {
      var check = try learning(graph, mode)
      try check.run()
    }
  }

  @Test func `learned weights alone leave the ranges to their grids`() throws {
    var check = try learning(graph(3, .affine, nil), .running)
    check.quantizationMode = .quantize
    try check.run()
  }

  @Test func `all gradients of scales are final when the last step says so, and not before`() throws
  {
    let check = try learning(graph(4, .affine, .lsq), .running)
    let (plan, store) = try check.plan()
    for value in check.graph.outputs {
      plan.outputGradient(value).update(repeating: 0.5, count: check.count(of: value))
    }
    let count = store.layout.quantizerCount
    #expect(count > 0)
    for i in 0..<count { plan.gradients[i] = .nan }
    var calls: [Int] = []
    plan.backward { calls.append($0) }
    #expect(calls.last == 0)
    #expect(calls.dropLast().allSatisfy { $0 >= count || $0 == 0 })
    for segment in store.layout.trainable where segment.role.isQuantizer {
      let gradient = UnsafeBufferPointer(
        start: plan.gradients + segment.offset, count: segment.count)
      #expect(gradient.allSatisfy { $0.isFinite }, "\(segment.name)")
      #expect(gradient.contains { $0 != 0 }, "\(segment.name)")
    }
  }
}

extension GraphCheck {
  /// What the plan multiplies the gradient of a learned scale or range by; 1 for other parameters.
  func gradientFactor(of parameter: Int) -> Double {
    for node in graph.nodes where node.weightScale == parameter {
      let shape = graph.parameters[node.parameters[0]].shape
      let levels = (1 << (node.weightBits! - 1)) - 1
      return Double(
        scaleGradientFactor(count: shape.elementCount / shape[0], levels: levels))
    }
    guard let site = graph.sites.firstIndex(where: { $0.learned?.parameter == parameter }) else {
      return 1
    }
    var count = 0
    for node in graph.nodes where node.operation == .fakeQuantize(site: site) {
      count += graph.values[node.output].shape.elementCount
    }
    return Double(
      scaleGradientFactor(count: count, levels: graph.sites[site].positiveLevels))
  }
}
