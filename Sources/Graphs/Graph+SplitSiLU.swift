extension Graph {
  /// The graph with every SiLU as two nodes: `y = x · sigmoid(x)`.
  ///
  /// What runtimes compute that have no SiLU of their own. The sigmoid is named after the activation,
  /// `NAME.sigmoid`; the product keeps its name. Parameters and their order are untouched, so weights
  /// fit both graphs.
  public func splittingSiLU() -> Graph {
    var result = self
    result.nodes = []
    for node in nodes {
      guard case .activation(.silu) = node.operation else {
        result.nodes.append(node)
        continue
      }
      let name = "\(node.name).sigmoid"
      result.values.append(Value(name: name, shape: values[node.output].shape))
      let gate = result.values.count - 1
      result.nodes.append(
        Node(name: name, operation: .sigmoid, inputs: node.inputs, output: gate))
      result.nodes.append(
        Node(
          name: node.name, operation: .multiply, inputs: [node.inputs[0], gate],
          output: node.output))
    }
    return result
  }
}
