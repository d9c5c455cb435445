import Engine
import Graphs
import Quantization
import Tensors
import Testing

@Suite struct FakeQuantizeTests {
  static let grids = [
    Grid(scale: 0.25, zeroPoint: 0, minimum: -128, maximum: 127),
    Grid(scale: 0.037, zeroPoint: 0, minimum: -128, maximum: 127),
    Grid(scale: 0.5, zeroPoint: -37, minimum: -128, maximum: 127),
    Grid(scale: 0.013, zeroPoint: -128, minimum: -128, maximum: 127),
    Grid(scale: 1.5, zeroPoint: 0, minimum: -8, maximum: 7),
    Grid(scale: .leastNormalMagnitude, zeroPoint: 0, minimum: -128, maximum: 127),
  ]

  /// Every grid point, every tie between two, their neighbours, and what lies outside.
  static func probes(_ grid: Grid) -> [Float] {
    var values: [Float] = [0, -0.0, 1e30, -1e30, .infinity, -.infinity]
    for half in -2 * 132...2 * 132 {
      let x = Float(half) / 2 * grid.scale
      values += [x, x.nextUp, x.nextDown]
    }
    return values
  }

  @Test(arguments: grids) func `values land on the grid that Grid says, ties to even`(grid: Grid)
    throws
  {
    let (outputs, _, probes) = try run(grid, .quantize)
    for (x, y) in zip(probes, outputs) {
      #expect(y == grid.fakeQuantize(x), "\(x)")
    }
  }

  @Test(arguments: grids) func `the gradient passes inside the grid and stops outside`(grid: Grid)
    throws
  {
    let (_, gradient, probes) = try run(grid, .quantize)
    for (i, x) in probes.enumerated() {
      let q = (x / grid.scale).rounded(.toNearestOrEven) + Float(grid.zeroPoint)
      let inside = q >= Float(grid.minimum) && q <= Float(grid.maximum)
      #expect(gradient[i] == (inside ? Self.upstream(i) : 0), "\(x)")
    }
  }

  @Test func `off and observe leave values and gradients as they are`() throws {
    let grid = Self.grids[0]
    for mode in [QuantizationMode.off, .observe] {
      let (outputs, gradient, probes) = try run(grid, mode)
      #expect(outputs == probes)
      #expect(gradient.indices.allSatisfy { gradient[$0] == Self.upstream($0) })
    }
  }

  private static func upstream(_ i: Int) -> Float { Float(i % 7) - 3.5 }

  private func run(_ grid: Grid, _ mode: QuantizationMode) throws -> (
    outputs: [Float], gradient: [Float], probes: [Float]
  ) {
    let probes = Self.probes(grid)
    var net = ElementGraph(count: probes.count)
    net.builder.output(
      net.builder.node(.fakeQuantize(site: 0), net.elements, name: "quantized"))
    let graph = net.builder.graph.withSites(1)
    let (outputs, gradient, _) = try net.run(
      probes, upstream: probes.indices.map(Self.upstream), graph: graph
    ) { plan in
      plan.quantizationMode = mode
      plan.setGrid(grid, site: 0)
    }
    return (outputs[0], gradient, probes)
  }

  @Test(arguments: [1, 5, 16, 17, 19, 32], [QuantizationMode.observe, .quantize])
  func `a site sees the extremes of all its members`(channels: Int, mode: QuantizationMode) throws {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 3, channels: channels)
    let y = tiny.branch(x, channels, name: "other")
    for (value, name) in [(x, "x"), (y, "y")] {
      // An output is kept as it is, so that the test can see what the site saw.
      tiny.output(value)
      tiny.output(tiny.node(.fakeQuantize(site: 1), value, name: "\(name).quantized"))
    }
    tiny.output(tiny.node(.fakeQuantize(site: 0), y, name: "alone"))
    var check = GraphCheck(tiny.graph.withSites(3), batchSize: 3)
    check.quantizationMode = mode
    check.grids = Array(repeating: Self.grids[1], count: 3)
    let (plan, _) = try check.plan()
    let seen = check.outputs(of: plan)
    let (first, second) = (seen[0], seen[2])
    #expect(plan.extremes(site: 1) == ((first + second).min()!, (first + second).max()!))
    #expect(plan.extremes(site: 0) == (second.min()!, second.max()!))
    // Nobody is at site 2.
    #expect(plan.extremes(site: 2) == (.infinity, -.infinity))
    // A further pass starts anew.
    plan.input.update(repeating: 0, count: check.input.count)
    plan.forward()
    let again = check.outputs(of: plan)
    #expect(plan.extremes(site: 0) == (again[2].min()!, again[2].max()!))
  }

  @Test(arguments: [1, 3, 5, 16, 17, 32], [BatchNormMode.batch, .running])
  func `quantized layers: outputs and the straight-through gradient`(
    channels: Int, mode: BatchNormMode
  ) throws {
    try checkLayers(channels: channels, mode: mode, PlanOptions())
  }

  /// The sums of integers are exact and the gradients are those of real numbers, so nothing may differ
  /// from the simulation but the last digits.
  @Test(
    .enabled(if: ComputeDescription.current.hasExactIntegerConvolutions),
    arguments: [1, 3, 5, 16, 17, 32],
    [BatchNormMode.batch, .running])
  func `layers on integers: outputs and the straight-through gradient`(
    channels: Int, mode: BatchNormMode
  ) throws {
    try checkLayers(channels: channels, mode: mode, PlanOptions(integerConvolutions: true))
  }

  private func checkLayers(channels: Int, mode: BatchNormMode, _ options: PlanOptions) throws {
    for (activation, batch) in [(Activation.silu, 1), (.relu, 3), (.relu6, 1)] {
      var tiny = TinyGraph()
      let image = tiny.builder.input("image", shape: [5, 7, 3])
      let q0 = tiny.node(.fakeQuantize(site: 0), image, name: "image.quantized")
      let x = tiny.branch(q0, channels, name: "first")
      let q1 = tiny.node(.fakeQuantize(site: 1), x, name: "first.quantized")
      let y = tiny.node(
        .convolution(
          channels: 5, kernel: 3, stride: 2, padding: 1, groups: 1, bias: false), q1, name: "c")
      let z = tiny.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), y, name: "c.bn")
      let a = tiny.node(.activation(activation), z, name: "c.act")
      let q2 = tiny.node(.fakeQuantize(site: 2), a, name: "c.quantized")
      tiny.output(tiny.branch(q2, 3, name: "last"))
      let graph = tiny.graph.withSites(3).withWeightBits(8)
      var check = GraphCheck(graph, batchSize: batch)
      check.options = options
      check.batchNormMode = mode
      check.quantizationMode = .quantize
      // Narrow enough that some values are clamped.
      check.grids = [
        Grid(covering: -0.8, 0.8, bits: 8, symmetric: true),
        Grid(covering: -0.2, 0.6, bits: 8, symmetric: false),
        Grid(covering: -1, 1, bits: 4, symmetric: true),
      ]
      try check.run()
    }
  }
}

extension Graph {
  /// With `count` sites of 8 bits.
  func withSites(_ count: Int) -> Graph {
    var graph = self
    graph.sites = (0..<count).map { Site(name: "site \($0)", bits: 8, symmetric: true) }
    return graph
  }

  /// With every weight of a convolution or linear layer on a grid.
  func withWeightBits(_ bits: Int) -> Graph {
    var graph = self
    for i in graph.nodes.indices {
      switch graph.nodes[i].operation {
      case .convolution, .linear: graph.nodes[i].weightBits = bits
      default: break
      }
    }
    return graph
  }
}
