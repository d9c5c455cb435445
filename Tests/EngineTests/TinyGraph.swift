import Engine
import Graphs
import Tensors

/// Graphs of a few nodes for the tests of single operations.
struct TinyGraph {
  typealias Handle = GraphBuilder.Handle

  var builder = GraphBuilder(name: "tiny")

  var graph: Graph { builder.graph }

  /// A picture and a 1×1 convolution with bias and SiLU over it: learned numbers in front of the
  /// operation under test, whose gradients show the gradient of its data.
  mutating func lead(_ H: Int, _ W: Int, channels: Int) -> Handle {
    let image = builder.input("image", shape: [H, W, 3])
    return branch(image, channels, name: "lead")
  }

  mutating func branch(_ x: Handle, _ channels: Int, name: String) -> Handle {
    let y = builder.node(Self.pointwise(channels), x, name: name)
    return builder.node(.activation(.silu), y, name: "\(name).act")
  }

  mutating func node(_ operation: Graphs.Operation, _ inputs: Handle..., name: String) -> Handle {
    builder.node(operation, inputs, name: name)
  }

  mutating func output(_ handle: Handle) { builder.output(handle) }

  /// A 1×1 convolution with bias.
  static func pointwise(_ channels: Int) -> Graphs.Operation {
    .convolution(channels: channels, kernel: 1, stride: 1, padding: 0, groups: 1, bias: true)
  }

  /// `lead`, one operation, output.
  static func around(_ operation: Graphs.Operation, H: Int, W: Int, channels: Int) -> Graph {
    var tiny = TinyGraph()
    let x = tiny.lead(H, W, channels: channels)
    tiny.output(tiny.node(operation, x, name: "operation"))
    return tiny.graph
  }
}

/// Learned numbers that are values themselves: a picture of one zero pixel and a 1×1 convolution of
/// `count` channels, so that `bias` is the value and its gradient the value's, element by element.
struct ElementGraph {
  var builder = GraphBuilder(name: "elements")
  let elements: GraphBuilder.Handle

  init(count: Int) {
    let pixel = builder.input("pixel", shape: [1, 1, 1])
    elements = builder.node(TinyGraph.pointwise(count), pixel, name: "elements")
  }

  /// Runs it, or `graph` made from it, with the given values; gives outputs and, for upstream ones, the values' gradients.
  func run(
    _ values: [Float], upstream: [Float]? = nil, graph: Graph? = nil,
    configure: (TrainingPlan) -> Void = { _ in }
  ) throws -> (outputs: [[Float]], gradient: [Float], plan: TrainingPlan) {
    let graph = graph ?? builder.graph
    let store = ParameterStore(graph)
    store.load([
      "elements.weight": Tensor(values.map { _ in Float(1) }, shape: [values.count, 1, 1, 1]),
      "elements.bias": Tensor(values, shape: [values.count]),
    ])
    let plan = try TrainingPlan(graph: graph, batchSize: 1, store: store)
    configure(plan)
    plan.prepareWeights()
    plan.input[0] = 0
    plan.forward()
    let outputs = graph.outputs.map {
      Array(UnsafeBufferPointer(start: plan.output($0), count: values.count))
    }
    for output in graph.outputs {
      let u = upstream ?? values.map { _ in 1 }
      plan.outputGradient(output).update(from: u, count: u.count)
    }
    plan.backward()
    let bias = store.layout.trainable.first { $0.name == "elements.bias" }!
    return (
      outputs,
      Array(UnsafeBufferPointer(start: plan.gradients + bias.offset, count: values.count)), plan
    )
  }
}
