import Engine
import Graphs
import Models
import Quantization
import Tensors
import Testing

/// The same numbers in, the same bits out.
@Suite struct PlanBitsTests {
  private func graph(_ target: Target) -> Graph {
    yolov8(.n, classNames: ["car", "van"], inputHeight: 96, inputWidth: 64)
      .placingSites(target.rules)
  }

  private func plan(_ graph: Graph, _ mode: QuantizationMode) throws -> TrainingPlan {
    let store = ParameterStore(graph)
    store.load(graph.initialWeights(seed: 5))
    let plan = try TrainingPlan(graph: graph, batchSize: 2, store: store)
    plan.quantizationMode = mode
    for site in graph.sites.indices {
      plan.setGrid(Grid(covering: -2, 2, bits: 8, symmetric: true), site: site)
    }
    plan.prepareWeights()
    return plan
  }

  /// The bits of outputs, gradients, statistics and extremes after one step on a picture of `seed`.
  private func bits(_ plan: TrainingPlan, seed: UInt64) -> [UInt32] {
    let graph = plan.graph
    var random = Philox(seed: seed)
    let count = 2 * graph.values[graph.inputs[0]].shape.elementCount
    let pixels = (0..<count).map { _ in UInt8(random.integer(below: 256)) }
    plan.setInput(pixels)
    plan.forward()
    var result: [UInt32] = []
    for output in graph.outputs {
      let count = 2 * graph.values[output].shape.elementCount
      for i in 0..<count {
        result.append(plan.output(output)[i].bitPattern)
        plan.outputGradient(output)[i] = random.uniform(-1, 1)
      }
    }
    plan.backward()
    for i in 0..<plan.sumCount { result.append(plan.sums[i].bitPattern) }
    for site in graph.sites.indices {
      let extremes = plan.extremes(site: site)
      result += [extremes.low.bitPattern, extremes.high.bitPattern]
    }
    return result
  }

  @Test(arguments: [QuantizationMode.off, .observe, .quantize], [Target.portable, .tflite])
  func `a plan and its twin give the same bits, whatever they ran before`(
    mode: QuantizationMode, target: Target
  ) throws {
    let graph = graph(target)
    let first = try plan(graph, mode)
    let second = try plan(graph, mode)
    let expected = bits(first, seed: 1)
    #expect(bits(first, seed: 1) == expected)
    let other = bits(second, seed: 2)
    #expect(other != expected)
    #expect(bits(second, seed: 1) == expected)
    #expect(bits(first, seed: 2) == other)
  }

  @Test func `pictures of 8 bits become p / 255`() throws {
    var tiny = TinyGraph()
    let image = tiny.builder.input("image", shape: [16, 16, 1])
    tiny.output(tiny.branch(image, 1, name: "x"))
    let plan = try TrainingPlan(
      graph: tiny.graph, batchSize: 1, store: ParameterStore(tiny.graph))
    plan.setInput((0...255).map { UInt8($0) })
    for p in 0...255 { #expect(plan.input[p] == Float(p) / 255) }
  }

  /// oneDNN's plain loops are called `ref`; one of them in a network is a hundred times too slow.
  @Test(arguments: [(320, 4), (64, 1)])
  func `no convolution of YOLOv8n falls back to plain loops`(size: Int, batch: Int) throws {
    let graph = yolov8(.n, classNames: ["car"], inputHeight: size, inputWidth: size)
      .placingSites(Target.portable.rules)
    let plan = try TrainingPlan(graph: graph, batchSize: batch, store: ParameterStore(graph))
    plan.startProfile()
    let convolutions = plan.profile!.entries.filter(\.isConvolution)
    #expect(convolutions.count == 63)
    for entry in convolutions {
      // Forward, data and weights; the first one needs no gradient of its data.
      #expect(
        entry.implementations.count == (entry.name == "model.0.conv" ? 2 : 3), "\(entry.name)")
      #expect(
        !entry.implementations.contains { $0.hasPrefix("ref") },
        "\(entry.name): \(entry.implementations)")
    }
  }
}
