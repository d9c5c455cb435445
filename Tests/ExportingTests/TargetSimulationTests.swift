import Engine
import Exporting
import Graphs
import Quantization
import Tensors
import Testing

/// Training's simulation for targets with integers between all operations, against their arithmetic.
@Suite(.enabled(if: ComputeDescription.current.hasExactIntegerConvolutions))
struct TargetSimulationTests {
  static let fixtures: [(name: String, fixture: ExportFixture)] = [
    ("relu6", .relu6), ("silu", .silu), ("portable", .portableReLU),
    ("shallow", ExportFixture(ExportFixture.shallow(), target: .tflite)),
    ("odd", ExportFixture(TFLiteFixtures.odd(), target: .tflite)),
  ]

  /// Differences of all outputs in steps of their grids.
  private func steps(
    _ fixture: ExportFixture, _ arithmetic: IntegerArithmetic, _ options: PlanOptions, seed: UInt64
  ) throws -> [Int: Int] {
    let pixels = ExportFixture.picture(seed: seed)
    let plan = try InferencePlan(
      graph: fixture.graph, weights: fixture.weights, batchSize: 1, grids: fixture.grids,
      options: options)
    plan.setInput(pixels)
    plan.forward()
    let device = try IntegerPlanTests.plan(fixture, arithmetic)
    device.setInput(pixels)
    device.forward()
    let sites = gridSites(fixture.graph)
    var steps: [Int: Int] = [:]
    for (value, own) in zip(fixture.graph.outputs, device.graph.outputs) {
      let grid = fixture.grids[sites[value]!]
      let (a, b) = (plan.output(value), device.output(own))
      for i in 0..<fixture.graph.values[value].shape.elementCount {
        steps[Int(abs(grid.quantize(a[i]) - grid.quantize(b[i]))), default: 0] += 1
      }
    }
    return steps
  }

  /// Through the whole network: sums, biases, factors, sigmoids, products and additions are the target's,
  /// so that no rounding goes to the other side anywhere, though each goes on through all that follows.
  @Test(arguments: fixtures.indices, [IntegerArithmetic.fixedPoint, .floatFactor])
  func `a whole network gives the target's integers`(index: Int, arithmetic: IntegerArithmetic)
    throws
  {
    let (name, fixture) = Self.fixtures[index]
    // On grids without an own zero a ReLU ends inside, and FP32 runtimes compute it in FP32.
    if name == "portable", arithmetic == .floatFactor { return }
    for keepsSites in [false, true] {
      var options = PlanOptions(integerConvolutions: true, arithmetic: arithmetic)
      options.keepsSites = keepsSites
      for seed in [1, 2] as [UInt64] {
        let found = try steps(fixture, arithmetic, options, seed: seed)
        #expect(
          Set(found.keys) == [0], "\(name), \(arithmetic), sites kept \(keepsSites): \(found)")
      }
    }
  }

  /// What the option is for: without it a deep network ends elsewhere.
  @Test func `rounding once does not`() throws {
    let found = try steps(
      .relu6, .fixedPoint, PlanOptions(integerConvolutions: true), seed: 1)
    #expect(found.keys.max()! > 0, "\(found)")
  }
}
