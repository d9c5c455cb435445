import Graphs
import Tensors
import Testing

/// A convolution of `channels` to `out` on `H` × `W`.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
  var channels, out, kernel, stride, padding: Int
  var groups = 1
  var bias = false
  var batch = 1
  var H = 7
  var W = 5

  var operation: Graphs.Operation {
    .convolution(
      channels: out, kernel: kernel, stride: stride, padding: padding, groups: groups, bias: bias)
  }

  var testDescription: String {
    "\(batch)×\(H)×\(W), \(channels) to \(out), kernel \(kernel), stride \(stride), padding \(padding), groups \(groups)\(bias ? ", bias" : "")"
  }

  static let dense: [ConvolutionCase] = [
    .init(channels: 1, out: 1, kernel: 1, stride: 1, padding: 0),
    .init(channels: 3, out: 5, kernel: 3, stride: 1, padding: 1, bias: true, batch: 3),
    .init(channels: 5, out: 3, kernel: 3, stride: 2, padding: 1),
    .init(channels: 17, out: 19, kernel: 1, stride: 1, padding: 0, bias: true, batch: 3),
    .init(channels: 19, out: 17, kernel: 5, stride: 2, padding: 2),
    .init(channels: 16, out: 32, kernel: 3, stride: 1, padding: 1, batch: 3, H: 8, W: 6),
    .init(channels: 32, out: 16, kernel: 3, stride: 2, padding: 1, bias: true, H: 8, W: 6),
    .init(channels: 32, out: 16, kernel: 1, stride: 2, padding: 0, H: 8, W: 6),
    .init(channels: 16, out: 16, kernel: 5, stride: 1, padding: 2, batch: 3),
    // The last rows and columns are not reached by any window.
    .init(channels: 3, out: 16, kernel: 3, stride: 2, padding: 0, H: 8, W: 8),
    .init(channels: 17, out: 5, kernel: 3, stride: 1, padding: 0, bias: true, H: 5, W: 9),
    .init(channels: 5, out: 16, kernel: 3, stride: 1, padding: 2, H: 4, W: 3),
    .init(channels: 1, out: 17, kernel: 5, stride: 1, padding: 2, bias: true, H: 1, W: 1),
  ]

  static let grouped: [ConvolutionCase] = [
    .init(channels: 5, out: 5, kernel: 3, stride: 1, padding: 1, groups: 5, batch: 3),
    .init(channels: 16, out: 16, kernel: 3, stride: 2, padding: 1, groups: 16, bias: true),
    .init(channels: 17, out: 17, kernel: 5, stride: 1, padding: 2, groups: 17, bias: true),
    .init(channels: 32, out: 32, kernel: 3, stride: 1, padding: 1, groups: 32, batch: 3, H: 8, W: 6),
    // Two outputs for each input channel.
    .init(channels: 3, out: 6, kernel: 3, stride: 1, padding: 1, groups: 3, bias: true),
    .init(channels: 6, out: 4, kernel: 3, stride: 1, padding: 1, groups: 2, bias: true, batch: 3),
    .init(channels: 15, out: 5, kernel: 1, stride: 2, padding: 0, groups: 5),
    .init(channels: 32, out: 16, kernel: 3, stride: 2, padding: 1, groups: 2, H: 8, W: 6),
  ]
}

@Suite struct ConvolutionTests {
  @Test(arguments: ConvolutionCase.dense + ConvolutionCase.grouped)
  func `a convolution and its three gradients`(_ c: ConvolutionCase) throws {
    var check = GraphCheck(
      TinyGraph.around(c.operation, H: c.H, W: c.W, channels: c.channels), batchSize: c.batch)
    try check.run()
  }

  @Test(arguments: [3, 1]) func `the first convolution, which needs no gradient of its data`(
    batch: Int
  ) throws {
    var tiny = TinyGraph()
    let image = tiny.builder.input("image", shape: [9, 7, 3])
    let stem = ConvolutionCase(channels: 3, out: 16, kernel: 3, stride: 2, padding: 1)
    tiny.output(tiny.node(stem.operation, image, name: "stem"))
    var check = GraphCheck(tiny.graph, batchSize: batch)
    try check.run()
  }

  @Test(arguments: [true, false]) func `a linear layer behind a global average`(bias: Bool) throws {
    for (channels, features, batch) in [(1, 3, 1), (17, 5, 3), (32, 16, 3), (5, 19, 1)] {
      var tiny = TinyGraph()
      let x = tiny.lead(5, 3, channels: channels)
      let pooled = tiny.node(.globalAveragePool, x, name: "pooled")
      let hidden = tiny.node(.linear(features: features, bias: bias), pooled, name: "hidden")
      let active = tiny.node(.activation(.silu), hidden, name: "active")
      tiny.output(tiny.node(.linear(features: 3, bias: bias), active, name: "logits"))
      var check = GraphCheck(tiny.graph, batchSize: batch)
      try check.run()
    }
  }
}
