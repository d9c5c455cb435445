import Graphs
import Tensors
import Testing

@Suite struct ParameterLayoutTests {
  @Test func `segments start on cache lines, in the graph's order, without overlap`() {
    let graph = tinyGraph()
    let layout = ParameterLayout(graph)
    #expect(
      layout.trainable.map(\.name) == [
        "a.conv.weight", "a.bn.weight", "a.bn.bias", "b.conv.weight", "b.conv.bias",
        "logits.weight", "logits.bias",
      ])
    #expect(layout.statistics.map(\.name) == ["a.bn.running_mean", "a.bn.running_var"])
    for (segments, count) in [
      (layout.trainable, layout.trainableCount), (layout.statistics, layout.statisticsCount),
    ] {
      var end = 0
      for segment in segments {
        #expect(segment.offset * 4 % AlignedBuffer.alignment == 0)
        #expect(segment.offset >= end)
        #expect(segment.range.count == segment.shape.elementCount)
        end = segment.range.upperBound
      }
      #expect(count >= end && count - end < 16)
    }
    // 72 → 80 → 16 each for γ and β …
    #expect(layout.trainable.map(\.offset) == [0, 80, 96, 112, 128, 144, 160])
    #expect(layout.trainableCount == 176)
  }

  @Test func `each parameter finds its segment`() {
    let graph = tinyGraph()
    let layout = ParameterLayout(graph)
    #expect(layout.offsets.count == graph.parameters.count)
    for (parameter, offset) in zip(graph.parameters, layout.offsets) {
      let segments = parameter.role.isTrainable ? layout.trainable : layout.statistics
      #expect(segments.first { $0.name == parameter.name }?.offset == offset)
    }
  }
}
