import Engine
import Graphs
import MessagePassing
import Quantization
import Tensors
import Testing
import Training

/// The corrections of a quantized network on a small one: a convolution with batch norm, one over a
/// concat, a depthwise one, one with a bias.
@Suite struct LayerCorrectionTests {
  private struct Net {
    let float, quantized: Graph
    let weights: NamedWeights
    let pictures: [Float]
    static let N = 6

    init(bits: Int) {
      var builder = GraphBuilder(name: "net")
      let image = builder.input("image", shape: [12, 10, 3])
      func block(
        _ x: GraphBuilder.Handle, _ channels: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
        _ name: String
      ) -> GraphBuilder.Handle {
        let y = builder.node(
          .convolution(
            channels: channels, kernel: kernel, stride: stride, padding: kernel / 2, groups: groups,
            bias: false), x, name: "\(name).conv")
        let z = builder.node(.batchNorm(epsilon: 1e-3, momentum: 0.1), y, name: "\(name).bn")
        return builder.node(.activation(.silu), z, name: "\(name).act")
      }
      let a = block(image, 8, kernel: 3, stride: 2, "a")
      let b = block(a, 8, kernel: 3, "b")
      let joined = builder.node(.concat, a, b, name: "joined")
      let c = block(joined, 16, kernel: 3, groups: 16, "c")
      builder.output(
        builder.node(
          .convolution(channels: 5, kernel: 1, stride: 1, padding: 0, groups: 1, bias: true), c,
          name: "d"))
      float = builder.graph
      quantized = float.placingSites(
        PlacementTarget.tensorrt.rules, weightBits: bits, activationBits: bits)
      var random = Philox(seed: 12)
      var weights = NamedWeights()
      for parameter in float.parameters {
        let range: ClosedRange<Float> =
          switch parameter.role {
          case .weight: -0.5...0.5
          case .runningVariance, .scale, .weightScale, .siteScale: 0.5...1.5
          case .bias, .shift, .runningMean: -0.3...0.3
          }
        weights[parameter.name] = Tensor(
          (0..<parameter.shape.elementCount).map { _ in
            random.uniform(range.lowerBound, range.upperBound)
          }, shape: parameter.shape)
      }
      self.weights = weights
      pictures = (0..<Self.N * 12 * 10 * 3).map { _ in random.uniform(0, 1) }
    }

    func floatPlan() throws -> InferencePlan {
      let plan = try InferencePlan(graph: float, weights: weights, batchSize: Self.N)
      plan.input.update(from: pictures, count: pictures.count)
      return plan
    }

    func quantizedPlan(_ weights: NamedWeights) throws -> InferencePlan {
      let grids = quantized.sites.map { site in
        Grid(
          covering: site.fixedRange?.low ?? -0.3, site.fixedRange?.high ?? 2, bits: site.bits,
          symmetric: site.symmetric)
      }
      let plan = try InferencePlan(
        graph: quantized, weights: weights, batchSize: Self.N, grids: grids)
      plan.input.update(from: pictures, count: pictures.count)
      return plan
    }

    /// The weights after these corrections, and what the search for roundings says of itself.
    func corrected(_ change: (inout Recipe.Quantization.Calibration) -> Void) throws -> (
      NamedWeights, ratios: [Double]
    ) {
      var calibration = Recipe().quantization.calibration
      calibration.adaroundSteps = 200
      change(&calibration)
      let plan = try quantizedPlan(weights)
      let ratios = try correctLayers(
        of: plan, toward: floatPlan(), calibration, communicator: .solo)
      return (plan.store.weights(), ratios)
    }

    /// By layer, mean and variance of what it gives.
    func statistics(_ plan: InferencePlan) -> [(mean: [Double], variance: [Double])] {
      let walk = LayerWalk(plan)
      return plan.graph.nodes.compactMap { node in
        guard case .convolution = node.operation else { return nil }
        walk.advance(to: node.name)
        walk.computeLayer()
        defer { walk.leaveLayer() }
        return walk.numbers(of: node.output).statistics()
      }
    }

    func outputError(_ weights: NamedWeights) throws -> Double {
      let (a, b) = (try floatPlan(), try quantizedPlan(weights))
      a.forward()
      b.forward()
      let count = Self.N * float.values[float.outputs[0]].shape.elementCount
      let (x, y) = (a.output(float.outputs[0]), b.output(quantized.outputs[0]))
      return (0..<count).reduce(0.0) { $0 + Double((x[$1] - y[$1]) * (x[$1] - y[$1])) }
    }
  }

  @Test func `bias correction brings every layer's mean back`() throws {
    let net = Net(bits: 3)
    let (corrected, _) = try net.corrected { $0.biasCorrection = true }
    func shifts(_ weights: NamedWeights) throws -> [Double] {
      let float = net.statistics(try net.floatPlan())
      let found = net.statistics(try net.quantizedPlan(weights))
      // As the network goes on from them: behind a batch norm, or the bias.
      return zip(["a", "b", "c", "d"], zip(float, found)).map { name, pair in
        let (y, z) = pair
        let key = "\(name).bn.running_mean"
        let before = net.weights[key]?.values(as: Float.self)
        let after = weights[key]?.values(as: Float.self)
        return y.mean.indices.reduce(0.0) { worst, c in
          let correction = Double((after?[c] ?? 0) - (before?[c] ?? 0))
          return max(worst, abs(z.mean[c] - correction - y.mean[c]))
        }
      }
    }
    let (before, after) = (try shifts(net.weights), try shifts(corrected))
    for (old, new) in zip(before, after) {
      // A mean of some hundred FP32 numbers near 1, and a batch norm's mean in FP32.
      #expect(new < 2e-6 && old > 1e-3, "\(old) → \(new)")
    }
    #expect(try net.outputError(corrected) < net.outputError(net.weights))
  }

  @Test func `re-estimated batch norms have the statistics of the quantized network`() throws {
    let net = Net(bits: 4)
    let (corrected, _) = try net.corrected { $0.reestimateBatchNorm = true }
    let found = net.statistics(try net.quantizedPlan(corrected))
    for (name, (mean, variance)) in zip(["a", "b", "c"], found) {
      let rows = Double(Net.N * 6 * 5)
      #expect(
        corrected["\(name).bn.running_mean"]!.values(as: Float.self) == mean.map { Float($0) })
      #expect(
        corrected["\(name).bn.running_var"]!.values(as: Float.self)
          == variance.map { Float($0 * rows / (rows - 1)) })
    }
    #expect(
      !corrected["a.bn.running_mean"]!.isBitwiseEqual(to: net.weights["a.bn.running_mean"]!))
  }

  @Test(arguments: [false, true])
  func `adaptive rounding lowers the error of every layer and of the output`(isCentered: Bool)
    throws
  {
    let net = Net(bits: 4)
    let (corrected, ratios) = try net.corrected {
      $0.adaround = true
      $0.biasCorrection = isCentered
    }
    #expect(ratios.count == 4)
    for ratio in ratios { #expect(ratio < 0.95) }
    #expect(try net.outputError(corrected) < net.outputError(net.weights))
    // What was learned is what is deployed.
    for name in ["a.conv", "b.conv", "c.conv", "d"] {
      let weight = corrected["\(name).weight"]!
      let again = WeightGrid(weight, bits: 4).fakeQuantize(weight)
      for (x, y) in zip(weight.values(as: Float.self), again.values(as: Float.self)) {
        #expect(abs(x - y) <= 2 * x.ulp)
      }
    }
  }
}
