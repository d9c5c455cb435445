import Engine
import Graphs
import Tensors
import Testing

/// Who adds to whose gradient, and who writes it first.
@Suite struct ConsumerTests {
  static let readers: [Graphs.Operation] = [
    .convolution(channels: 5, kernel: 3, stride: 1, padding: 1, groups: 1, bias: false),
    .activation(.silu), .batchNorm(epsilon: 1e-3, momentum: 0.03), .slice(from: 0, count: 5),
    .upsample(factor: 1), .maxPool(kernel: 3, stride: 1, padding: 1),
  ]

  @Test(arguments: readers.indices, readers.indices)
  func `two readers of one value`(first: Int, second: Int) throws {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 3, channels: 5)
    let a = tiny.node(Self.readers[first], x, name: "a")
    let b = tiny.node(Self.readers[second], x, name: "b")
    tiny.output(tiny.node(.add, a, b, name: "sum"))
    var check = GraphCheck(tiny.graph, batchSize: 2)
    try check.run()
  }

  @Test(arguments: readers.indices)
  func `an output that is also read inside`(reader: Int) throws {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 3, channels: 5)
    tiny.output(x)
    let y = tiny.node(Self.readers[reader], x, name: "reader")
    tiny.output(y)
    tiny.output(tiny.branch(y, 3, name: "last"))
    var check = GraphCheck(tiny.graph, batchSize: 3)
    try check.run()
  }

  @Test func `an average beside other readers`() throws {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 3, channels: 17)
    tiny.output(tiny.branch(x, 3, name: "map"))
    let pooled = tiny.node(.globalAveragePool, x, name: "pooled")
    tiny.output(tiny.node(.linear(features: 3, bias: true), pooled, name: "logits"))
    let other = tiny.node(.linear(features: 5, bias: false), pooled, name: "others")
    tiny.output(other)
    var check = GraphCheck(tiny.graph, batchSize: 3)
    try check.run()
  }

  @Test func `a batch norm that is an output keeps the activation apart`() throws {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 3, channels: 5)
    let norm = tiny.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), x, name: "norm")
    tiny.output(norm)
    tiny.output(tiny.node(.activation(.relu), norm, name: "act"))
    var check = GraphCheck(tiny.graph, batchSize: 3)
    try check.run()
  }

  /// Node order decides who would write the gradient of `x` first: both orders.
  @Test(arguments: [true, false])
  func `a branch that nobody reads gives no gradient`(deadFirst: Bool) throws {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 3, channels: 5)
    func dead() {
      let a = tiny.branch(x, 5, name: "dead.a")
      let b = tiny.node(.maxPool(kernel: 3, stride: 1, padding: 1), a, name: "dead.b")
      _ = tiny.node(.add, b, x, name: "dead.c")
    }
    if deadFirst { dead() }
    tiny.output(tiny.branch(x, 3, name: "alive"))
    if !deadFirst { dead() }
    var check = GraphCheck(tiny.graph, batchSize: 3)
    try check.run()
  }
}
