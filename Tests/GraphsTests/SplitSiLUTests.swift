import Graphs
import Tensors
import Testing

@Suite struct SplitSiLUTests {
  static func graph(_ kind: Activation) -> Graph {
    var b = GraphBuilder(name: "small")
    let image = b.input("image", shape: [4, 4, 3])
    let conv = b.node(
      .convolution(channels: 2, kernel: 3, stride: 1, padding: 1, groups: 1, bias: true), image,
      name: "conv")
    let act = b.node(.activation(kind), conv, name: "act")
    b.output(b.node(.activation(kind), act, name: "again"))
    return b.graph
  }

  @Test func `every SiLU becomes a gate and a product`() throws {
    let graph = Self.graph(.silu)
    let split = graph.splittingSiLU()
    try split.validate()
    #expect(
      split.nodes.map { "\($0.operation.name) \($0.name)" } == [
        "convolution conv", "sigmoid act.sigmoid", "multiply act", "sigmoid again.sigmoid",
        "multiply again",
      ])
    let (conv, gate) = (split.nodes[0].output, split.nodes[1].output)
    #expect(split.nodes[2].inputs == [conv, gate])
    #expect(split.nodes[4].inputs[0] == split.nodes[2].output)
    #expect(split.parameters == graph.parameters && split.outputs == graph.outputs)
    #expect(split.text.contains("= sigmoid("))
    #expect(split.splittingSiLU() == split)
  }

  @Test func `a graph without a SiLU stays as it is`() {
    #expect(Self.graph(.relu6).splittingSiLU() == Self.graph(.relu6))
  }
}
