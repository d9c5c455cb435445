import Tensors

extension Graph {
  /// Checks that every number points somewhere, order and shapes hold and names are unique.
  ///
  /// For graphs read from files; nothing about the graph is assumed, and no number in it makes this
  /// stop the program.
  /// - Throws: a `GraphError` naming the first node at fault.
  public func validate() throws(GraphError) {
    func fail(_ node: Node? = nil, _ reason: String) -> GraphError {
      GraphError(graph: name, node: node?.name, reason: reason)
    }
    try checkLimits()
    var budget = GraphBudget(graph: name)
    var known = [Bool](repeating: false, count: values.count)
    // bounded: compared with the indices just before
    for input in inputs {
      guard values.indices.contains(input) else { throw fail(nil, "input \(input) is not a value") }
      known[input] = true
    }
    var parameterUsed = [Bool](repeating: false, count: parameters.count)
    // bounded: every index is compared with the indices before it is used
    for node in nodes {
      guard values.indices.contains(node.output), !known[node.output] else {
        throw fail(node, "output \(node.output) is no value or already made by another node")
      }
      for input in node.inputs where !values.indices.contains(input) || !known[input] {
        throw fail(node, "input \(input) is not made before it is read")
      }
      let shapes = node.inputs.map { values[$0].shape }
      let shape: Shape
      do { shape = try node.operation.outputShape(for: shapes) } catch {
        throw fail(node, error.reason)
      }
      try budget.add(node, inputs: shapes, output: shape)
      guard shape == values[node.output].shape else {
        throw fail(node, "declares shape \(values[node.output].shape), computes \(shape)")
      }
      let needed = node.operation.parameters(for: shapes)
      guard needed.count == node.parameters.count else {
        throw fail(node, "needs \(needed.count) parameters, has \(node.parameters.count)")
      }
      for (index, need) in zip(node.parameters, needed) {
        guard parameters.indices.contains(index), !parameterUsed[index] else {
          throw fail(node, "parameter \(index) does not exist or is used twice")
        }
        parameterUsed[index] = true
        guard parameters[index].shape == need.shape, parameters[index].role == need.role else {
          throw fail(
            node,
            "parameter \(parameters[index].name) is \(parameters[index].shape), needs \(need.shape)"
          )
        }
      }
      if case .batchNorm(let epsilon, let momentum) = node.operation {
        guard epsilon > 0, epsilon <= 1, (0...1).contains(momentum) else {
          throw fail(
            node, "epsilon \(epsilon) and momentum \(momentum); expected numbers from 0 to 1")
        }
      }
      if case .fakeQuantize(let site) = node.operation, !sites.indices.contains(site) {
        throw fail(node, "site \(site) does not exist")
      }
      if let bits = node.weightBits, !(2...8).contains(bits) {
        throw fail(node, "weights of \(bits) bits; expected 2 to 8")
      }
      if let scale = node.weightScale {
        guard node.weightBits != nil, let weight = node.parameters.first,
          parameters.indices.contains(scale), !parameterUsed[scale],
          parameters[scale].role == .weightScale,
          parameters[scale].shape == [parameters[weight].shape[0]]
        else { throw fail(node, "parameter \(scale) cannot hold the scales of its weight") }
        parameterUsed[scale] = true
      }
      known[node.output] = true
    }
    // bounded: every index is compared with the indices before it is used
    for site in sites {
      guard let learned = site.learned?.parameter else { continue }
      guard parameters.indices.contains(learned), !parameterUsed[learned], site.fixedRange == nil,
        parameters[learned].role == .siteScale,
        parameters[learned].shape == [site.hasTwoEnds ? 2 : 1]
      else {
        throw fail(nil, "site \(site.name): parameter \(learned) cannot hold its learned range")
      }
      parameterUsed[learned] = true
    }
    if let unused = parameterUsed.firstIndex(of: false) {
      throw fail(nil, "parameter \(parameters[unused].name) belongs to no node")
    }
    for site in sites where !(2...8).contains(site.bits) {
      throw fail(nil, "site \(site.name) has \(site.bits) bits; expected 2 to 8")
    }
    for site in sites where site.shifted == true && (site.bits == 8 || !site.symmetric) {
      throw fail(
        nil, "site \(site.name) is shifted; only symmetric ones of fewer than 8 bits can be")
    }
    // bounded: every index is compared with the indices before it is used
    for site in sites {
      guard let range = site.fixedRange else { continue }
      guard range.low.isFinite, range.high.isFinite, range.low <= range.high else {
        throw fail(nil, "site \(site.name) has the impossible range \(range.low) ... \(range.high)")
      }
    }
    // bounded: compared with the indices just before
    for output in outputs where !values.indices.contains(output) || !known[output] {
      throw fail(nil, "output \(output) is made by no node")
    }
    if let name = Self.firstRepeated(nodes.map(\.name)) {
      throw fail(nil, "two nodes are named \(name)")
    }
    if let name = Self.firstRepeated(sites.map(\.name)) {
      throw fail(nil, "two sites are named \(name)")
    }
    if let name = Self.firstRepeated(parameters.map(\.name)) {
      throw fail(nil, "two parameters are named \(name)")
    }
    try validateHead()
  }

  private func validateHead() throws(GraphError) {
    guard let head else { return }
    // bounded: a constant
    guard (1...Operation.largestExtent).contains(head.bins), !head.classNames.isEmpty else {
      throw GraphError(
        graph: name,
        reason: "the head has \(head.bins) bins and \(head.classNames.count) classes; expected some"
      )
    }
    // bounded: bins are at most 2²⁰, and values are compared with the indices first
    for level in head.levels {
      for (value, channels) in [
        (level.boxes, 4 * head.bins), (level.classes, head.classNames.count),
      ] {
        guard values.indices.contains(value), outputs.contains(value),
          values[value].shape.rank == 3, values[value].shape[2] == channels,
          (1...Operation.largestExtent).contains(level.stride)
        else {
          throw GraphError(
            graph: name,
            reason:
              "the head of stride \(level.stride) does not read an output of \(channels) channels")
        }
      }
    }
  }

  private static func firstRepeated(_ names: [String]) -> String? {
    var seen = Set<String>()
    return names.first { !seen.insert($0).inserted }
  }
}
