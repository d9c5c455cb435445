import Engine
import Exporting
import Graphs
import Quantization
import Tensors
import Testing

@Suite struct IntegerPlanTests {
  static let fixtures = TFLiteFixtures.all

  static func plan(
    _ fixture: ExportFixture, _ arithmetic: IntegerArithmetic, batchSize: Int = 1
  ) throws -> IntegerPlan {
    try IntegerPlan(
      graph: fixture.graph, weights: fixture.weights, batchSize: batchSize, grids: fixture.grids,
      arithmetic: arithmetic)
  }

  /// Every integer in the memory of a plan, by the name of its value.
  static func integers(_ plan: IntegerPlan) -> [String: [Int8]] {
    var result: [String: [Int8]] = [:]
    for value in plan.graph.values.indices {
      guard let q = plan.integers(of: value) else { continue }
      result[plan.graph.values[value].name] = Array(q)
    }
    return result
  }

  /// Differences between the plan's integers and the evaluator's, in every tensor that both have.
  static func differences(
    _ fixture: ExportFixture, _ arithmetic: IntegerArithmetic,
    _ rounding: TFLiteEvaluator.Rounding, seed: UInt64
  ) throws -> (tensors: Int, steps: [Int: Int]) {
    let model = try fixture.tflite()
    let pixels = ExportFixture.picture(seed: seed)
    var evaluator = TFLiteEvaluator(model, rounding: rounding)
    evaluator.run(quantizedInput(pixels, model))
    let plan = try plan(fixture, arithmetic)
    plan.setInput(pixels)
    plan.forward()
    let integers = integers(plan)
    var steps: [Int: Int] = [:]
    var tensors = 0
    for (tensor, values) in zip(model.tensors, evaluator.values) where tensor.constant == nil {
      guard let own = integers["\(tensor.name).quantized"] ?? integers[tensor.name] else {
        continue
      }
      #expect(own.count == values.count, "\(tensor.name)")
      for (a, b) in zip(own, values) { steps[abs(Int(a) - Int(b)), default: 0] += 1 }
      tensors += 1
    }
    return (tensors, steps)
  }

  /// Two programs that share no loop: every integer of every tensor, through 63 convolutions, depthwise
  /// and grouped ones, sigmoids, products, sums, means, paddings of all kinds and odd channel counts.
  @Test(arguments: fixtures.indices)
  func `in fixed point every integer is the evaluator's`(index: Int) throws {
    let (name, fixture) = Self.fixtures[index]
    for seed in [1, 2] as [UInt64] {
      let found = try Self.differences(fixture, .fixedPoint, .twice, seed: seed)
      #expect(found.tensors > 5, "\(name)")
      #expect(Set(found.steps.keys) == [0], "\(name): \(found.steps)")
    }
  }

  /// The evaluator rounds a product in Double, the plan in FP32 as onnxruntime and XNNPACK do: they differ
  /// where the product lies within 1e-7 of a tie, and behind that where such a step moves something.
  @Test func `float factors give the evaluator's integers but for ties`() throws {
    for (name, fixture) in Self.fixtures where name == "shallow" || name == "classifier" {
      let found = try Self.differences(fixture, .floatFactor, .once, seed: 1)
      let total = found.steps.values.reduce(0, +)
      #expect(found.steps.keys.max()! <= 1, "\(name): \(found.steps)")
      #expect(Double(found.steps[0]!) >= 0.999 * Double(total), "\(name): \(found.steps)")
    }
  }

  /// In a network whose sums are exact in FP32 in any order nothing may differ from the plain
  /// simulation, with int32 biases or float ones.
  @Test(
    arguments: [Target.tensorrt, .portable],
    [IntegerArithmetic.floatEpilogue, .floatFactor])
  func `an exact network gives every integer`(target: Target, arithmetic: IntegerArithmetic) throws
  {
    let fixture = ExportFixture(exactFor: target)
    for seed in [1, 2] as [UInt64] {
      let pixels = ExportFixture.picture(seed: seed)
      let (_, values) = fixture.evaluate(pixels)
      let plan = try Self.plan(fixture, arithmetic)
      plan.setInput(pixels)
      plan.forward()
      for (value, own) in zip(fixture.graph.outputs, plan.graph.outputs) {
        let x = plan.output(own)
        for (i, expected) in values[value].enumerated() where Double(x[i]) != expected {
          Issue.record("\(fixture.graph.values[value].name)[\(i)]: \(x[i]), expected \(expected)")
          break
        }
      }
    }
  }

  @Test func `with a float epilogue a layer is training's`() throws {
    for activation in Activation.allCases {
      let fixture = ExportFixture(ExportFixture.block(activation), target: .tensorrt)
      let pixels = ExportFixture.picture(seed: 2)
      let (_, values) = fixture.evaluate(pixels)
      let plan = try Self.plan(fixture, .floatEpilogue)
      plan.setInput(pixels)
      plan.forward()
      for (value, own) in zip(fixture.graph.outputs, plan.graph.outputs) {
        var largest = 0.0
        for (i, expected) in values[value].enumerated() {
          largest = max(largest, abs(Double(plan.output(own)[i]) - expected))
        }
        // Outputs are real numbers of order one: FP32 in one sum, one product and the activation.
        #expect(largest < 2e-5, "\(activation): \(largest)")
      }
    }
  }

  @Test(arguments: IntegerArithmetic.allCases)
  func `pictures of a batch are computed as if alone`(arithmetic: IntegerArithmetic) throws {
    let fixture = ExportFixture(
      ExportFixture.shallow(), target: arithmetic == .floatEpilogue ? .tensorrt : .tflite)
    let pictures = (1...3).map { ExportFixture.picture(seed: UInt64($0)) }
    let batch = try Self.plan(fixture, arithmetic, batchSize: 3)
    batch.setInput(pictures.flatMap { $0 })
    batch.forward()
    let alone = try Self.plan(fixture, arithmetic)
    for (index, picture) in pictures.enumerated() {
      alone.setInput(picture)
      alone.forward()
      for value in alone.graph.outputs {
        let count = alone.graph.values[value].shape.elementCount
        let expected = (0..<count).map { alone.output(value)[$0] }
        #expect((0..<count).map { batch.output(value)[index * count + $0] } == expected)
      }
    }
  }

  @Test func `what a target runs on integers has no other steps`() throws {
    let fixture = ExportFixture.silu
    for arithmetic in [IntegerArithmetic.fixedPoint, .floatFactor] {
      let kinds = Set(try Self.plan(fixture, arithmetic).operations.map(\.kind))
      // The picture is put on its grid; all else is integers.
      #expect(!kinds.contains { $0.hasPrefix("Real") }, "\(kinds)")
      let quantizers = try Self.plan(fixture, arithmetic).operations.filter {
        $0.kind == "QuantizeStep"
      }
      #expect(quantizers.count == 1)
    }
  }

  @Test func `a node without integers is named in one sentence`() throws {
    let whole = #expect(throws: EngineError.self) {
      try Self.plan(ExportFixture(ExportFixture.block(.silu), target: .portable), .fixedPoint)
    }
    #expect(whole!.description.contains("node first."), "\(whole!)")
    var fixture = ExportFixture(ExportFixture.block(.relu), target: .tflite)
    let index = fixture.graph.nodes.firstIndex { $0.name == "first.conv" }!
    fixture.graph.nodes[index].weightBits = nil
    let float = #expect(throws: EngineError.self) { try Self.plan(fixture, .fixedPoint) }
    #expect(float!.description.contains("first.conv"), "\(float!)")
    #expect(float!.description.contains("not quantized"), "\(float!)")
    fixture.grids.removeLast()
    let missing = #expect(throws: EngineError.self) { try Self.plan(fixture, .fixedPoint) }
    #expect(missing!.description.contains("grids"), "\(missing!)")
  }
}

/// Networks with everything that a TFLite file can hold.
enum TFLiteFixtures {
  static let all: [(name: String, fixture: ExportFixture)] = [
    ("relu6", .relu6), ("silu", .silu), ("portable", .portableReLU),
    ("classifier", ExportFixture(ExportFixture.classifier(), target: .tflite)),
    ("shallow", ExportFixture(ExportFixture.shallow(), target: .tflite)),
    ("odd", ExportFixture(odd(), target: .tflite)),
  ]

  /// Channel counts that fill no vector, and kernels of 1, 3 and 5.
  static func odd() -> Graph {
    var b = GraphBuilder(name: "odd")
    var x = b.input("image", shape: [64, 64, 3])
    for (index, (channels, kernel, stride)) in [(5, 3, 2), (17, 1, 1), (1, 5, 2), (33, 3, 1)]
      .enumerated()
    {
      let y = b.node(
        .convolution(
          channels: channels, kernel: kernel, stride: stride, padding: kernel / 2, groups: 1,
          bias: index % 2 == 0), x, name: "c\(index)")
      x = b.node(.activation(index % 2 == 0 ? .silu : .relu), y, name: "c\(index).act")
    }
    b.output(x)
    return b.graph
  }
}
