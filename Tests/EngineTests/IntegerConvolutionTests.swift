import Engine
import Graphs
import Models
import Quantization
import Tensors
import Testing

/// Convolutions on bytes against the plain reference in Double.
@Suite(.enabled(if: ComputeDescription.current.hasExactIntegerConvolutions))
struct IntegerConvolutionTests {
  /// YOLOv8n with grids; for `symmetric` false every zero point is another.
  private func check(symmetric: Bool) throws -> GraphCheck {
    var rules = Target.portable.rules
    rules.symmetric = symmetric
    let graph = yolov8(.n, classNames: ["car", "van"], inputHeight: 64, inputWidth: 96)
      .placingSites(rules)
    var check = GraphCheck(graph, batchSize: 2, seed: 21)
    var random = Philox(seed: 22)
    for i in check.input.indices { check.input[i] = Float(random.integer(below: 256)) / 255 }
    return try check.calibrated()
  }

  /// From the engine's own inputs, so that no flipped rounding of a layer before counts.
  ///
  /// The sums are exact; what is left is the rounding of the factor that makes them real numbers.
  @Test(arguments: [true, false])
  func `every convolution of YOLOv8n, stem included, equals real numbers`(symmetric: Bool) throws {
    var check = try check(symmetric: symmetric)
    check.options.integerConvolutions = true
    let (plan, _) = try check.plan()
    let reference = check.reference()
    var trace = reference.forward(check.input.map(Double.init))
    var count = 0
    for node in check.graph.nodes {
      guard case .convolution = node.operation else { continue }
      let input = try #require(plan.numbers(of: node.inputs[0]))
      let actual = try #require(plan.numbers(of: node.output))
      trace.values[node.inputs[0]] = input.map(Double.init)
      let expected = reference.evaluate(node, in: &trace)
      // Three roundings of FP32 of the value itself; and the reference multiplies inputs and weights
      // that were rounded to real numbers, which moves its sums by half a unit of their largest.
      let largest = expected.map(abs).max()!
      let worst = zip(actual, expected).map { a, e in
        abs(Double(a) - e) / (4e-7 * abs(e) + 1.2e-7 * largest)
      }.max()!
      #expect(worst <= 1, "\(node.name)")
      count += 1
    }
    #expect(count == 63)
  }

  @Test func `pictures of 8 bits land on the grid that their real numbers land on`() throws {
    for symmetric in [true, false] {
      var check = try check(symmetric: symmetric)
      check.options.integerConvolutions = true
      let (plan, _) = try check.plan()
      let site = check.graph.nodes.first { $0.inputs == check.graph.inputs }!.output
      let real = try #require(plan.numbers(of: site))
      plan.setInput(check.input.map { UInt8(($0 * 255).rounded()) })
      plan.forward()
      #expect(plan.numbers(of: site)! == real)
      // Whoever asks for the input may write to it, and then it counts.
      plan.input.update(repeating: 0, count: check.input.count)
      plan.forward()
      #expect(plan.numbers(of: site)!.allSatisfy { $0 == 0 })
    }
  }

  @Test func `the network on integers ends where its simulation ends`() throws {
    var check = try check(symmetric: true)
    check.batchNormMode = .running
    let (simulated, _) = try check.plan()
    check.options.integerConvolutions = true
    let (plan, _) = try check.plan()
    for (a, b) in zip(check.outputs(of: plan), check.outputs(of: simulated)) {
      var (difference, size) = (0.0, 0.0)
      for (a, b) in zip(a, b) {
        difference += Double((a - b) * (a - b))
        size += Double(b * b)
      }
      // A rounding that falls the other way moves what follows by parts of a step.
      #expect((difference / size).squareRoot() <= 0.02)
    }
  }
}
