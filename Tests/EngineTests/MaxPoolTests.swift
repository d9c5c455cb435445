import Engine
import Graphs
import Tensors
import Testing

/// What a max pool does where comparing tells nothing.
@Suite struct MaxPoolTests {
  private func pooled(_ operation: Graphs.Operation, _ bias: [Float]) throws -> (
    output: [Float], gradient: [Float]
  ) {
    var tiny = TinyGraph()
    let image = tiny.builder.input("image", shape: [3, 3, 1])
    let x = tiny.node(TinyGraph.pointwise(bias.count), image, name: "x")
    tiny.output(tiny.node(operation, x, name: "pool"))
    let store = ParameterStore(tiny.graph)
    store.load(["x.bias": Tensor(bias, shape: [bias.count])])
    let plan = try TrainingPlan(graph: tiny.graph, batchSize: 1, store: store)
    plan.prepareWeights()
    for i in 0..<9 { plan.input[i] = 0 }
    plan.forward()
    let value = tiny.graph.outputs[0]
    let count = tiny.graph.values[value].shape.elementCount
    let output = Array(UnsafeBufferPointer(start: plan.output(value), count: count))
    for i in 0..<count { plan.outputGradient(value)[i] = 1 }
    plan.backward()
    let segment = store.layout.trainable.first { $0.name == "x.bias" }!
    return (output, (0..<bias.count).map { plan.gradients[segment.offset + $0] })
  }

  @Test func `equal values: every window passes its gradient once`() throws {
    let (output, gradient) = try pooled(.maxPool(kernel: 3, stride: 1, padding: 1), [2, -5, 0])
    #expect(output == (0..<9).flatMap { _ in [2, -5, 0] as [Float] })
    #expect(gradient == [9, 9, 9])
  }

  @Test func `a diverged network's NaN and -infinity come out and point nowhere else`() throws {
    let (output, gradient) = try pooled(
      .maxPool(kernel: 3, stride: 2, padding: 1), [.nan, -.infinity, 1])
    for window in 0..<4 {
      #expect(output[window * 3].isNaN)
      #expect(output[window * 3 + 1] == -.infinity)
      #expect(output[window * 3 + 2] == 1)
    }
    #expect(gradient == [4, 4, 4])
  }

  @Test func `a window too large for its position to be kept is refused`() throws {
    var tiny = TinyGraph()
    let x = tiny.lead(17, 17, channels: 1)
    tiny.output(tiny.node(.maxPool(kernel: 17, stride: 1, padding: 0), x, name: "pool"))
    let graph = tiny.graph
    #expect(throws: EngineError.self) {
      try TrainingPlan(graph: graph, batchSize: 1, store: ParameterStore(graph))
    }
  }
}
