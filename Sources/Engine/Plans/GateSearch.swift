import Graphs

/// Finds where a graph has a SiLU as `multiply(a, sigmoid(a))`, with a site behind `a`, behind the
/// sigmoid, both or neither.
///
/// Only what nothing else reads counts: the values between its nodes are never in memory.
struct GateSearch {
  struct Gate {
    /// All of its nodes.
    var nodes: Set<Int>
    var inputSite, site: Int?
    /// The product.
    var output: Int
  }

  let graph: Graph
  let consumers: [[Int]]
  /// Values that must lie in memory.
  let kept: Set<Int>

  init(_ graph: Graph, keeping kept: Set<Int>) {
    self.graph = graph
    self.kept = kept
    consumers = graph.consumers()
  }

  /// The gate whose first node is `index`: its site or, without one, its sigmoid.
  func gate(beginningAt index: Int) -> Gate? {
    let node = graph.nodes[index]
    switch node.operation {
    case .sigmoid: return gate(reading: node.inputs[0])
    case .fakeQuantize(let site):
      guard !kept.contains(node.output), var gate = gate(reading: node.output) else {
        return nil
      }
      gate.inputSite = site
      gate.nodes.insert(index)
      return gate
    default: return nil
    }
  }

  /// The gate that alone reads `value`.
  func gate(behind value: Int) -> Gate? {
    if consumers[value].count == 1 {
      guard case .fakeQuantize = graph.nodes[consumers[value][0]].operation else { return nil }
      return gate(beginningAt: consumers[value][0])
    }
    return gate(reading: value)
  }

  /// `multiply(a, sigmoid(a))`, no other reader of `a`.
  private func gate(reading a: Int) -> Gate? {
    let readers = consumers[a]
    guard readers.count == 2,
      let sigmoid = readers.first(where: { graph.nodes[$0].operation == .sigmoid }),
      let product = readers.first(where: { graph.nodes[$0].operation == .multiply })
    else { return nil }
    var gate = Gate(
      nodes: [sigmoid, product], inputSite: nil, site: nil, output: graph.nodes[product].output)
    var factor = graph.nodes[sigmoid].output
    guard let next = onlyReader(of: factor) else { return nil }
    if case .fakeQuantize(let site) = graph.nodes[next].operation {
      gate.site = site
      gate.nodes.insert(next)
      factor = graph.nodes[next].output
    }
    guard onlyReader(of: factor) == product, Set(graph.nodes[product].inputs) == [a, factor] else {
      return nil
    }
    return gate
  }

  private func onlyReader(of value: Int) -> Int? {
    kept.contains(value) || consumers[value].count != 1 ? nil : consumers[value][0]
  }
}
