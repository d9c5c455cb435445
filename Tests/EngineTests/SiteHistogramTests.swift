import Engine
import Graphs
import Quantization
import Tensors
import Testing

@Suite struct SiteHistogramTests {
  /// A picture, a convolution and an activation whose values a site sees.
  private func plan(N: Int) throws -> (TrainingPlan, Graph) {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 7, channels: 19)
    tiny.output(tiny.node(.fakeQuantize(site: 0), x, name: "quantized"))
    let graph = tiny.graph.withSites(1)
    let store = ParameterStore(graph)
    var random = Philox(seed: 4)
    for i in 0..<store.layout.trainableCount { store.trainable[i] = random.uniform(-2, 2) }
    let plan = try TrainingPlan(graph: graph, batchSize: N, store: store)
    plan.quantizationMode = .observe
    plan.prepareWeights()
    return (plan, graph)
  }

  private func fill(_ plan: TrainingPlan, _ graph: Graph, seed: UInt64) {
    var random = Philox(seed: seed)
    let count = graph.values[graph.inputs[0]].shape.elementCount * plan.batchSize
    for i in 0..<count { plan.input[i] = random.uniform(-1, 1) }
  }

  @Test func `a site counts every value it sees, and only while it observes`() throws {
    let (plan, graph) = try plan(N: 3)
    let range = Extremes(low: -0.25, high: 1.5)
    let histograms = SiteHistograms(over: [range], binCount: 128)
    plan.histograms = histograms
    var expected = Histogram(over: range, binCount: 128)
    for seed in 1...3 as ClosedRange<UInt64> {
      fill(plan, graph, seed: seed)
      plan.forward()
      let count = graph.values[graph.outputs[0]].shape.elementCount * 3
      expected.observe(UnsafeBufferPointer(start: plan.output(graph.outputs[0]), count: count))
    }
    #expect(histograms.histogram(site: 0) == expected)
    #expect(expected.total == 3 * 3 * 5 * 7 * 19)
    // Some values lie outside the edges, else the test would not see them clamped.
    #expect(expected.counts[0] > 0 && expected.counts[127] > 0)
    plan.histograms = nil
    plan.forward()
    plan.histograms = histograms
    plan.setGrid(Grid(covering: -1, 1, bits: 8, symmetric: true), site: 0)
    plan.quantizationMode = .quantize
    plan.forward()
    #expect(histograms.histogram(site: 0) == expected)
  }

  @Test func `a site without a range counts nothing, NaN is counted apart`() throws {
    let (plan, graph) = try plan(N: 1)
    let none = SiteHistograms(over: [nil], binCount: 128)
    plan.histograms = none
    fill(plan, graph, seed: 1)
    plan.forward()
    #expect(none.histogram(site: 0) == nil && (0..<none.count).allSatisfy { none.counts[$0] == 0 })

    let some = SiteHistograms(over: [Extremes(low: 0, high: 1)], binCount: 128)
    plan.histograms = some
    plan.input[0] = .nan
    plan.forward()
    // The pixel of the NaN reaches all channels.
    #expect(some.histogram(site: 0)?.unusableCount == 19)
    #expect(some.histogram(site: 0)?.total == 34 * 19)
  }
}
