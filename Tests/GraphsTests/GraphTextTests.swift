import Foundation
import Graphs
import Tensors
import Testing

@Suite struct GraphTextTests {
  @Test func `the text form has a line per input, site, node and output`() {
    var graph = tinyGraph()
    graph.sites = [
      Site(name: "image", bits: 8, symmetric: true, fixedRange: .init(low: 0, high: 1)),
      Site(name: "a.act", bits: 4, symmetric: false),
    ]
    graph.nodes[0].weightBits = 8
    #expect(
      graph.text == """
        graph tiny
          input %0 image [4, 6, 2]
          site 0 image int8 symmetric range 0.0...1.0
          site 1 a.act int4 affine
          %1 [4, 6, 4] = convolution(%0) channels 4 kernel 3 stride 1 padding 1 weights int8  # a.conv
          %2 [4, 6, 4] = batchNorm(%1) epsilon 0.001 momentum 0.03  # a.bn
          %3 [4, 6, 4] = silu(%2)  # a.act
          %4 [4, 6, 2] = slice(%3) channels 0..<2  # first
          %5 [4, 6, 2] = slice(%3) channels 2..<4  # second
          %6 [4, 6, 2] = add(%4, %5)  # sum
          %7 [4, 6, 4] = concat(%4, %6)  # joined
          %8 [2, 3, 4] = maxPool(%7) kernel 2 stride 2 padding 0  # pool
          %9 [4, 6, 4] = upsample(%8) factor 2  # up
          %10 [2, 3, 4] = convolution(%9) channels 4 kernel 1 stride 2 padding 0 groups 2 bias  # b.conv
          %11 [4] = globalAveragePool(%10)  # mean
          %12 [3] = linear(%11) features 3 bias  # logits
          output %12 logits

        """)
  }

  @Test func `a graph survives JSON`() throws {
    for graph in [tinyGraph(), GraphValidationTests.detector()] {
      let json = try JSONEncoder().encode(graph)
      #expect(try JSONDecoder().decode(Graph.self, from: json) == graph)
    }
  }

  @Test func `a negative extent in a file is refused`() {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Shape.self, from: Data("[3, -1]".utf8))
    }
  }
}
