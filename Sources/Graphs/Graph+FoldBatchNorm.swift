import Tensors

extension Graph {
  /// The graph for inference: every batch norm that follows a convolution becomes part of it.
  ///
  /// `W'[o,…] = W[o,…]·g[o]`, `b'[o] = β[o] + (b[o] - mean[o])·g[o]`, `g = γ/√(variance + ε)`.
  ///
  /// Fold *after* weights were put on their grid: a factor per output channel then changes the
  /// grid's scale only, so the integers of training are the integers of deployment. Learned scales
  /// are folded with their weights: `s'[o] = s[o]·|g[o]|`, and 1 where that is no positive number.
  ///
  /// - Throws: when weights are missing, or a batch norm does not follow a convolution of its own.
  public func foldingBatchNorm(_ weights: NamedWeights) throws(GraphError) -> (
    graph: Graph, weights: NamedWeights
  ) {
    try check(weights)
    let producers = producers()
    let consumers = consumers()
    var folded = NamedWeights()
    var builder = FoldedGraph(original: self)
    var normOfConvolution: [Int: Node] = [:]
    for node in nodes {
      guard case .batchNorm = node.operation else { continue }
      guard let producer = producers[node.inputs[0]], consumers[node.inputs[0]].count == 1,
        !outputs.contains(node.inputs[0]), case .convolution = nodes[producer].operation
      else {
        throw GraphError(
          graph: name, node: node.name,
          reason: "a batch norm can be folded only into a convolution that nothing else reads")
      }
      normOfConvolution[producer] = node
    }
    for (index, node) in nodes.enumerated() {
      switch node.operation {
      case .batchNorm:
        builder.alias(node.output, to: node.inputs[0])
      case .convolution(let channels, let kernel, let stride, let padding, let groups, let bias):
        guard let norm = normOfConvolution[index] else {
          builder.copy(node)
          keep(node, of: weights, in: &folded)
          continue
        }
        let factors = normFactors(norm, weights)
        let weightName = parameters[node.parameters[0]].name
        var weight = weights[weightName]!
        let perChannel = weight.elementCount / channels
        weight.withMutableElements(as: Float.self) { w in
          for o in 0..<channels {
            for i in o * perChannel..<(o + 1) * perChannel { w[i] *= factors.gain[o] }
          }
        }
        var shift = factors.shift
        if bias {
          let old = weights[parameters[node.parameters[1]].name]!.values(as: Float.self)
          for o in 0..<channels { shift[o] += old[o] * factors.gain[o] }
        }
        folded[weightName] = weight
        if let scale = node.weightScale {
          folded[parameters[scale].name] = foldedScales(
            weights[parameters[scale].name]!, factors.gain)
        }
        let biasName = bias ? parameters[node.parameters[1]].name : "\(node.name).bias"
        folded[biasName] = Tensor(shift, shape: [channels])
        var copy = node
        copy.operation = .convolution(
          channels: channels, kernel: kernel, stride: stride, padding: padding, groups: groups,
          bias: true)
        builder.copy(copy)
      default:
        builder.copy(node)
        keep(node, of: weights, in: &folded)
      }
    }
    for site in sites {
      guard let name = site.learned.map({ parameters[$0.parameter].name }) else { continue }
      folded[name] = weights[name]
    }
    return (builder.finished(), folded)
  }

  private func keep(_ node: Node, of weights: NamedWeights, in folded: inout NamedWeights) {
    for p in node.parameters + (node.weightScale.map { [$0] } ?? []) {
      folded[parameters[p].name] = weights[parameters[p].name]
    }
  }

  private func foldedScales(_ scales: Tensor, _ gain: [Float]) -> Tensor {
    let products = zip(scales.values(as: Float.self), gain).map { scale, gain in
      let product = scale * abs(gain)
      return product >= .leastNormalMagnitude && product.isFinite ? product : 1
    }
    return Tensor(products, shape: scales.shape)
  }

  private func normFactors(_ norm: Node, _ weights: NamedWeights) -> (gain: [Float], shift: [Float])
  {
    guard case .batchNorm(let epsilon, _) = norm.operation else { preconditionFailure() }
    let v = norm.parameters.map { weights[parameters[$0].name]!.values(as: Float.self) }
    let gain = zip(v[0], v[3]).map { $0 / ($1 + epsilon).squareRoot() }
    let shift = v[0].indices.map { v[1][$0] - v[2][$0] * gain[$0] }
    return (gain, shift)
  }
}

/// Rebuilds a graph with fewer nodes, renumbering values and parameters.
private struct FoldedGraph {
  let original: Graph
  private var result: Graph
  private var newIndex: [Int: Int] = [:]

  init(original: Graph) {
    self.original = original
    result = Graph(name: original.name)
    result.sites = original.sites
    for input in original.inputs { result.inputs.append(value(input)) }
  }

  private mutating func value(_ old: Int) -> Int {
    if let known = newIndex[old] { return known }
    result.values.append(original.values[old])
    newIndex[old] = result.values.count - 1
    return result.values.count - 1
  }

  mutating func alias(_ old: Int, to other: Int) { newIndex[old] = value(other) }

  mutating func copy(_ node: Node) {
    var new = node
    new.inputs = node.inputs.map { value($0) }
    new.parameters = []
    let shapes = node.inputs.map { original.values[$0].shape }
    for (index, needed) in node.operation.parameters(for: shapes).enumerated() {
      let name =
        node.parameters.indices.contains(index)
        ? original.parameters[node.parameters[index]].name : "\(node.name).\(needed.suffix)"
      result.parameters.append(Parameter(name: name, shape: needed.shape, role: needed.role))
      new.parameters.append(result.parameters.count - 1)
    }
    new.weightScale = node.weightScale.map { copy(parameter: $0) }
    new.output = value(node.output)
    result.nodes.append(new)
  }

  private mutating func copy(parameter: Int) -> Int {
    result.parameters.append(original.parameters[parameter])
    return result.parameters.count - 1
  }

  mutating func finished() -> Graph {
    for site in result.sites.indices {
      guard let learned = result.sites[site].learned else { continue }
      result.sites[site].learned!.parameter = copy(parameter: learned.parameter)
    }
    var graph = result
    graph.outputs = original.outputs.map { newIndex[$0]! }
    graph.head = original.head.map { head in
      var head = head
      head.levels = head.levels.map {
        .init(boxes: newIndex[$0.boxes]!, classes: newIndex[$0.classes]!, stride: $0.stride)
      }
      return head
    }
    return graph
  }
}
