import Graphs
import Tensors
import Testing

/// Graphs from files that ask for more than any network needs.
@Suite struct GraphLimitsTests {
  private func refusal(_ change: (inout Graph) -> Void) -> String {
    var graph = tinyGraph()
    change(&graph)
    return #expect(throws: GraphError.self) { try graph.validate() }?.description ?? ""
  }

  private func tinyGraph() -> Graph {
    var net = GraphBuilder(name: "tiny")
    let image = net.input("image", shape: [8, 8, 3])
    let a = net.node(
      .convolution(channels: 4, kernel: 3, stride: 1, padding: 1, groups: 1, bias: true), image,
      name: "a")
    let b = net.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), a, name: "b")
    net.output(net.node(.upsample(factor: 2), b, name: "up"))
    return net.graph
  }

  @Test func `an ordinary graph passes`() throws {
    try tinyGraph().validate()
    #expect(tinyGraph().valueElementCount == 8 * 8 * (3 + 4 + 4) + 16 * 16 * 4)
  }

  @Test func `a value or parameter whose elements overflow is refused`() {
    let huge = Shape([1 << 40, 1 << 40, 1 << 40])
    #expect(refusal { $0.values[0].shape = huge }.contains("the limit is 1073741824 elements"))
    #expect(refusal { $0.parameters[0].shape = huge }.contains("the limit is 268435456 elements"))
    #expect(refusal { $0.values[0].shape = [1 << 16, 1 << 16, 3] }.contains("value image"))
  }

  @Test func `an upsampling beyond all bounds is refused`() {
    let sentence = refusal { graph in
      graph.nodes[2].operation = .upsample(factor: 1 << 20)
      graph.values[3].shape = [8 << 20, 8 << 20, 4]
    }
    #expect(sentence.contains("elements"))
  }

  @Test func `more nodes, values, parameters or sites than the limit are refused`() {
    let limit = GraphLimits.nodes
    #expect(
      refusal { $0.nodes = Array(repeating: $0.nodes[0], count: limit + 1) }
        == "graph tiny: it has 16385 nodes, the limit is 16384")
    #expect(
      refusal { $0.values += Array(repeating: $0.values[0], count: limit) }.contains("values"))
    #expect(
      refusal { $0.parameters += Array(repeating: $0.parameters[0], count: limit) }
        .contains("parameters"))
    #expect(
      refusal {
        $0.sites = Array(repeating: Site(name: "s", bits: 8, symmetric: true), count: limit + 1)
      }.contains("sites"))
  }

  @Test func `values together have a limit too`() {
    let sentence = refusal { graph in
      for index in 0..<20 {
        graph.values.append(Value(name: "v\(index)", shape: [1 << 15, 1 << 15, 1]))
      }
    }
    #expect(sentence.contains("its values have"))
  }

  @Test func `a name without end is refused`() {
    let name = String(repeating: "x", count: 1025)
    #expect(refusal { $0.nodes[0].name = name }.contains("a name has 1025 bytes"))
    #expect(refusal { $0.sites = [Site(name: name, bits: 8, symmetric: true)] }.contains("1024"))
  }

  @Test func `work without end is refused`() {
    let sentence = refusal { graph in
      graph.values[0].shape = [8192, 8192, 1]
      graph.nodes[0].operation = .maxPool(kernel: 8191, stride: 1, padding: 4095)
      graph.nodes[0].parameters = []
      graph.values[1].shape = [8192, 8192, 1]
    }
    #expect(sentence.contains("needs more than 35184372088832 operations"))
  }

  @Test(arguments: [Float.nan, 0, -1, .infinity, 2])
  func `an epsilon that is none is refused`(_ epsilon: Float) {
    let sentence = refusal {
      $0.nodes[1].operation = .batchNorm(epsilon: epsilon, momentum: 0.03)
    }
    #expect(sentence.contains("epsilon"))
    #expect(
      refusal { $0.nodes[1].operation = .batchNorm(epsilon: 1e-3, momentum: .nan) }
        .contains("momentum"))
  }

  @Test func `two sites of one name are refused`() {
    let site = Site(name: "s", bits: 8, symmetric: true)
    #expect(refusal { $0.sites = [site, site] }.contains("two sites are named s"))
  }
}
