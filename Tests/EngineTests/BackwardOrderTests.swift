import Engine
import Graphs
import Models
import Tensors
import Testing

/// What the backward pass says about the gradients while it goes on.
@Suite struct BackwardOrderTests {
  @Test func `gradients said to be final keep their bits, and at the end all are`() throws {
    let graph = yolov8(.n, classNames: ["car"], inputHeight: 64, inputWidth: 64)
    let store = ParameterStore(graph)
    store.load(graph.initialWeights(seed: 5))
    let plan = try TrainingPlan(graph: graph, batchSize: 1, store: store)
    plan.prepareWeights()
    let count = plan.gradientCount
    for step in 0..<2 {
      var random = Philox(seed: UInt64(step))
      for i in 0..<graph.values[graph.inputs[0]].shape.elementCount {
        plan.input[i] = random.uniform(0, 1)
      }
      plan.forward()
      for output in graph.outputs {
        for i in 0..<graph.values[output].shape.elementCount {
          plan.outputGradient(output)[i] = random.uniform(-1, 1)
        }
      }
      // What is not final yet is unlike any gradient.
      for i in 0..<count { plan.gradients[i] = .infinity }
      var seen = [UInt32](repeating: 0, count: count)
      var bounds: [Int] = []
      plan.backward { from in
        for i in from..<(bounds.last ?? count) { seen[i] = plan.gradients[i].bitPattern }
        bounds.append(from)
      }
      #expect(bounds == bounds.sorted(by: >) && bounds.last == 0)
      // The gaps of the layout belong to no parameter.
      for segment in store.layout.trainable {
        let end = segment.range.map { plan.gradients[$0].bitPattern }
        #expect(Array(seen[segment.range]) == end, "\(segment.name)")
        #expect(segment.range.allSatisfy { plan.gradients[$0].isFinite }, "\(segment.name)")
      }
      // Nothing to overlap with if all came last: half of the gradients are there at two thirds.
      #expect(bounds[bounds.count * 2 / 3] < count / 2)
    }
  }

  @Test func `an error thrown between two pieces ends the backward pass`() throws {
    struct Enough: Error {}
    var tiny = TinyGraph()
    let x = tiny.lead(2, 2, channels: 4)
    tiny.output(tiny.branch(x, 3, name: "second"))
    let store = ParameterStore(tiny.graph)
    let plan = try TrainingPlan(graph: tiny.graph, batchSize: 1, store: store)
    plan.prepareWeights()
    plan.forward()
    var calls = 0
    #expect(throws: Enough.self) {
      try plan.backward { (_) throws(Enough) in
        calls += 1
        throw Enough()
      }
    }
    #expect(calls == 1)
  }
}
