import Engine
import Graphs
import Models
import Quantization
import Tensors
import Testing

/// Convolutions with factors of eight significant bits, everything else in FP32.
@Suite(.enabled(if: ComputeDescription.current.hasBFloat16))
struct BFloat16Tests {
  private static func distance(_ a: [Float], _ b: [Float]) -> Double {
    var (difference, size) = (0.0, 0.0)
    for (a, b) in zip(a, b) {
      difference += Double(a - b) * Double(a - b)
      size += Double(b) * Double(b)
    }
    return (difference / size).squareRoot()
  }

  /// Outputs and the whole gradient of a step.
  private func step(_ check: GraphCheck) throws -> (outputs: [Float], gradients: [Float]) {
    let (plan, _) = try check.plan()
    let outputs = check.outputs(of: plan).flatMap { $0 }
    var random = Philox(seed: 5)
    for value in check.graph.outputs {
      for i in 0..<check.count(of: value) {
        plan.outputGradient(value)[i] = random.uniform(-1, 1)
      }
    }
    plan.backward()
    return (
      outputs, Array(UnsafeBufferPointer(start: plan.gradients, count: plan.gradientCount))
    )
  }

  /// A factor is off by at most 2⁻⁹; over sixty layers errors of random sign add up to some of them.
  @Test func `a float step stays near that of FP32`() throws {
    var check = GraphCheck(
      yolov8(.n, classNames: ["car"], inputHeight: 64, inputWidth: 64), batchSize: 2)
    check.batchNormMode = .running
    let exact = try step(check)
    check.options.precision = .bfloat16
    let half = try step(check)
    #expect(Self.distance(half.outputs, exact.outputs) < 0.03)
    #expect(Self.distance(half.gradients, exact.gradients) < 0.06)
    #expect(half.outputs != exact.outputs && half.gradients != exact.gradients)
  }

  /// Of 3 × 3 windows over whole panels of channels, by our own kernels where they are faster: one that reads a
  /// dense value, one that reads some channels of a wider one.
  ///
  /// Picture, three weights and five values are rounded on the way to an output, each by up to 2⁻⁹ and at
  /// random, which leaves three times that; backward doubles their number.
  @Test(arguments: [20, 9]) func `single convolutions round a value once`(side: Int) throws {
    var tiny = TinyGraph()
    let x = tiny.lead(side, side, channels: 96)
    let part = tiny.node(.slice(from: 16, count: 64), x, name: "part")
    let layer = ConvolutionCase(channels: 64, out: 64, kernel: 3, stride: 1, padding: 1)
    let y = tiny.node(layer.operation, part, name: "c")
    let z = tiny.node(.activation(.silu), y, name: "c.act")
    let wide = ConvolutionCase(channels: 64, out: 32, kernel: 3, stride: 1, padding: 1)
    tiny.output(
      tiny.node(.activation(.silu), tiny.node(wide.operation, z, name: "d"), name: "d.act"))
    var check = GraphCheck(tiny.graph, batchSize: 2)
    let exact = try step(check)
    check.options.precision = .bfloat16
    let half = try step(check)
    #expect(Self.distance(half.outputs, exact.outputs) < 3 * 0x1p-9)
    #expect(Self.distance(half.gradients, exact.gradients) < 4.3 * 0x1p-9)
    #expect(half.outputs != exact.outputs)
  }

  /// Gradients of wide layers' weights, which kernels of our own sum in pairs of pixels: windows one and two pixels
  /// apart, an odd number of pixels, a value with gaps, channels that are no whole panel.
  ///
  /// `x` and `dy` are rounded once each, by up to 2⁻⁹ and at random; a lead in front has three values more.
  @Test(arguments: [
    ConvolutionCase(
      channels: 64, out: 144, kernel: 1, stride: 1, padding: 0, batch: 3, H: 17, W: 9),
    ConvolutionCase(channels: 144, out: 64, kernel: 3, stride: 2, padding: 1, batch: 1, H: 9, W: 7),
    ConvolutionCase(
      channels: 64, out: 128, kernel: 3, stride: 2, padding: 1, batch: 2, H: 30, W: 34),
  ])
  func `weight gradients in pairs of pixels`(_ layer: ConvolutionCase) throws {
    var tiny = TinyGraph()
    let x = tiny.lead(layer.H, layer.W, channels: layer.channels + 16)
    let part = tiny.node(.slice(from: 16, count: layer.channels), x, name: "part")
    let y = tiny.node(layer.operation, part, name: "c")
    tiny.output(tiny.node(.activation(.silu), y, name: "c.act"))
    var check = GraphCheck(tiny.graph, batchSize: layer.batch)
    let exact = try step(check)
    check.options.precision = .bfloat16
    let half = try step(check)
    #expect(Self.distance(half.gradients, exact.gradients) < 3 * 0x1p-9)
    #expect(half.gradients != exact.gradients)
  }

  /// Forward on integers is the same in both; backward reads quantized values exactly.
  @Test(.enabled(if: ComputeDescription.current.hasExactIntegerConvolutions))
  func `a quantized step has the same outputs, and gradients near those of FP32`() throws {
    let graph = yolov8(.n, classNames: ["car"], inputHeight: 64, inputWidth: 64)
      .placingSites(Target.portable.rules)
    var check = GraphCheck(graph, batchSize: 2)
    check.batchNormMode = .running
    check.quantizationMode = .quantize
    check.options.integerConvolutions = true
    check.grids = graph.sites.map { _ in Grid(covering: -2, 2, bits: 8, symmetric: true) }
    let exact = try step(check)
    check.options.precision = .bfloat16
    let half = try step(check)
    #expect(half.outputs == exact.outputs)
    #expect(Self.distance(half.gradients, exact.gradients) < 0.03)
    #expect(half.gradients != exact.gradients)
  }

  /// One weight gradient, where only the output's gradient is rounded: the steps of the grid are whole
  /// numbers of at most eight bits.
  @Test func `a gradient that is exact in eight bits gives exact weight gradients`() throws {
    var tiny = TinyGraph()
    let image = tiny.builder.input("image", shape: [4, 4, 3])
    let q = tiny.node(.fakeQuantize(site: 0), image, name: "q")
    tiny.output(
      tiny.node(
        .convolution(channels: 16, kernel: 3, stride: 1, padding: 1, groups: 1, bias: false), q,
        name: "c"))
    var check = GraphCheck(tiny.graph.withSites(1).withWeightBits(8), batchSize: 2)
    check.quantizationMode = .quantize
    // A scale that is a power of two, so that FP32 is exact too.
    check.grids = [Grid(scale: 0x1p-7, zeroPoint: 0, minimum: -128, maximum: 127)]
    func gradients(_ options: PlanOptions) throws -> [Float] {
      check.options = options
      let (plan, _) = try check.plan()
      let output = check.graph.outputs[0]
      for i in 0..<check.count(of: output) { plan.outputGradient(output)[i] = Float(i % 7) - 3 }
      plan.backward()
      return Array(UnsafeBufferPointer(start: plan.gradients, count: plan.gradientCount))
    }
    let isExact = ComputeDescription.current.hasExactIntegerConvolutions
    let expected = try gradients(PlanOptions())
    #expect(
      try gradients(PlanOptions(integerConvolutions: isExact, precision: .bfloat16)) == expected)
  }
}
