public import Tensors

/// Puts a graph together node by node, inferring shapes and declaring parameters.
///
/// Shapes that do not fit are a mistake in the model's code and stop the program; graphs from
/// files go through `Graph.validate()`.
public struct GraphBuilder {
  public private(set) var graph: Graph

  public init(name: String) { graph = Graph(name: name) }

  /// A value in the graph under construction.
  public struct Handle: Hashable, Sendable {
    public let index: Int
  }

  public func shape(of handle: Handle) -> Shape { graph.values[handle.index].shape }

  public mutating func input(_ name: String, shape: Shape) -> Handle {
    graph.values.append(Value(name: name, shape: shape))
    graph.inputs.append(graph.values.count - 1)
    return Handle(index: graph.values.count - 1)
  }

  public mutating func output(_ handle: Handle) { graph.outputs.append(handle.index) }

  public mutating func setHead(_ head: DetectorHead) { graph.head = head }

  /// Adds a node; its parameters are named `name.suffix`.
  public mutating func node(
    _ operation: Operation, _ inputs: Handle..., name: String
  ) -> Handle {
    node(operation, inputs, name: name)
  }

  public mutating func node(_ operation: Operation, _ inputs: [Handle], name: String) -> Handle {
    let shapes = inputs.map { shape(of: $0) }
    let output: Shape
    do { output = try operation.outputShape(for: shapes) } catch {
      preconditionFailure("\(graph.name), \(name): \(error)")
    }
    let first = graph.parameters.count
    for (suffix, shape, role) in operation.parameters(for: shapes) {
      graph.parameters.append(Parameter(name: "\(name).\(suffix)", shape: shape, role: role))
    }
    graph.values.append(Value(name: name, shape: output))
    graph.nodes.append(
      Node(
        name: name, operation: operation, inputs: inputs.map(\.index),
        output: graph.values.count - 1, parameters: Array(first..<graph.parameters.count)))
    return Handle(index: graph.values.count - 1)
  }
}
