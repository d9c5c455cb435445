import Graphs
import Tensors
import Testing

/// Operations that move, select or add values.
@Suite struct MovingTests {
  @Test(arguments: [1, 3, 17, 32], [1, 3]) func `an addition of two branches`(
    channels: Int, batch: Int
  ) throws {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 3, channels: channels)
    let y = tiny.branch(x, channels, name: "other")
    tiny.output(tiny.node(.add, x, y, name: "sum"))
    var check = GraphCheck(tiny.graph, batchSize: batch)
    try check.run()
  }

  @Test func `a value added to itself`() throws {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 3, channels: 17)
    tiny.output(tiny.node(.add, x, x, name: "twice"))
    var check = GraphCheck(tiny.graph, batchSize: 3)
    try check.run()
  }

  @Test(arguments: [1, 3]) func `a concat of odd channel counts, one of them twice`(batch: Int) throws
  {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 3, channels: 5)
    let a = tiny.branch(x, 17, name: "a")
    let b = tiny.branch(x, 1, name: "b")
    let joined = tiny.builder.node(.concat, [a, x, b, x], name: "joined")
    tiny.output(tiny.branch(joined, 3, name: "after"))
    var check = GraphCheck(tiny.graph, batchSize: batch)
    try check.run()
  }

  @Test func `a concat with the picture itself`() throws {
    var tiny = TinyGraph()
    let image = tiny.builder.input("image", shape: [5, 3, 3])
    let a = tiny.branch(image, 5, name: "a")
    tiny.output(tiny.node(.concat, image, a, name: "joined"))
    var check = GraphCheck(tiny.graph, batchSize: 3)
    try check.run()
  }

  @Test(arguments: [(0, 3), (2, 17), (18, 1), (0, 19)])
  func `a slice leaves the other channels without gradient`(from: Int, count: Int) throws {
    var check = GraphCheck(
      TinyGraph.around(.slice(from: from, count: count), H: 5, W: 3, channels: 19), batchSize: 3)
    try check.run()
  }

  @Test func `slices that overlap and a reader of the whole`() throws {
    var tiny = TinyGraph()
    let x = tiny.lead(5, 3, channels: 19)
    let a = tiny.node(.slice(from: 0, count: 11), x, name: "a")
    let b = tiny.node(.slice(from: 8, count: 11), x, name: "b")
    let sum = tiny.node(.add, a, b, name: "sum")
    tiny.output(tiny.node(.concat, sum, x, name: "joined"))
    var check = GraphCheck(tiny.graph, batchSize: 3)
    try check.run()
  }

  @Test(arguments: [1, 2, 3], [1, 5, 16]) func `an upsampling`(factor: Int, channels: Int) throws {
    var check = GraphCheck(
      TinyGraph.around(.upsample(factor: factor), H: 3, W: 5, channels: channels), batchSize: 3)
    try check.run()
  }

  @Test(arguments: [(5, 1, 2), (3, 2, 1), (2, 2, 0), (3, 1, 0), (1, 1, 0), (2, 1, 1)])
  func `a max pool`(kernel: Int, stride: Int, padding: Int) throws {
    for (channels, batch) in [(1, 1), (3, 3), (17, 1), (32, 3)] {
      var check = GraphCheck(
        TinyGraph.around(
          .maxPool(kernel: kernel, stride: stride, padding: padding), H: 7, W: 5,
          channels: channels), batchSize: batch)
      try check.run()
    }
  }

  @Test func `max pools chained and joined as in a pyramid`() throws {
    var tiny = TinyGraph()
    var stages = [tiny.lead(6, 5, channels: 5)]
    for i in 0..<3 {
      stages.append(
        tiny.node(.maxPool(kernel: 5, stride: 1, padding: 2), stages[i], name: "pool\(i)"))
    }
    tiny.output(tiny.builder.node(.concat, stages, name: "joined"))
    var check = GraphCheck(tiny.graph, batchSize: 3)
    try check.run()
  }

  @Test(arguments: [1, 3, 17, 32]) func `a global average`(channels: Int) throws {
    for batch in [1, 3] {
      var check = GraphCheck(
        TinyGraph.around(.globalAveragePool, H: 5, W: 3, channels: channels), batchSize: batch)
      try check.run()
    }
  }
}
