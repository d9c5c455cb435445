public import Graphs

extension Graph {
  /// The graph with a `fakeQuantize` node behind every value that is a tensor on the target, and with
  /// quantized weights.
  ///
  /// Values that concat, slice, upsample or max pool join lie on one grid and form one site, so that
  /// those operations only move integers. The input's range is that of a picture, 0 ... 1.
  /// A value between a convolution and its batch norm or activation is no tensor on any target; where
  /// the target has no SiLU, it becomes a sigmoid and a product first.
  ///
  /// - Parameters:
  ///   - rules: those of a target, `Target.rules`.
  ///   - weightBits: of every convolution and linear layer.
  ///   - activationBits: of every site; `rules.activationBits` says what the target holds.
  public func placingSites(_ rules: PlacementRules, weightBits: Int = 8, activationBits: Int = 8)
    -> Graph
  {
    rules.fusesSiLU
      ? withSites(rules, weightBits, activationBits)
      : splittingSiLU().withSites(rules, weightBits, activationBits)
  }

  private func withSites(_ rules: PlacementRules, _ weightBits: Int, _ activationBits: Int)
    -> Graph
  {
    var groups = DisjointSets(count: values.count)
    for node in nodes where node.operation.keepsGrid {
      for input in node.inputs { groups.join(node.output, input) }
    }
    let consumers = consumers()
    let producers = producers()
    let isQuantized = values.indices.map { isTensor($0, rules, producers, consumers) }
    var fixedRangeOfGroup: [Int: Site.FixedRange] = [:]
    for node in nodes where node.operation == .sigmoid {
      fixedRangeOfGroup[groups.root(of: node.output)] = rules.sigmoidRange
    }
    for input in inputs { fixedRangeOfGroup[groups.root(of: input)] = .init(low: 0, high: 1) }

    var result = Graph(name: name)
    var siteOfGroup: [Int: Int] = [:]
    var newIndex = [Int](repeating: -1, count: values.count)
    func site(for value: Int) -> Int {
      let group = groups.root(of: value)
      if let known = siteOfGroup[group] { return known }
      result.sites.append(
        Site(
          name: values[value].name, bits: activationBits, symmetric: rules.symmetric,
          fixedRange: fixedRangeOfGroup[group]))
      siteOfGroup[group] = result.sites.count - 1
      return result.sites.count - 1
    }
    func append(_ value: Int) {
      result.values.append(values[value])
      newIndex[value] = result.values.count - 1
    }
    func quantize(_ value: Int) {
      let source = newIndex[value]
      result.values.append(
        Value(name: "\(values[value].name).quantized", shape: values[value].shape))
      let output = result.values.count - 1
      result.nodes.append(
        Node(
          name: "\(values[value].name).quantize", operation: .fakeQuantize(site: site(for: value)),
          inputs: [source], output: output))
      newIndex[value] = output
    }

    for input in inputs {
      append(input)
      result.inputs.append(newIndex[input])
      if isQuantized[input] { quantize(input) }
    }
    for node in nodes {
      append(node.output)
      var new = node
      new.inputs = node.inputs.map { newIndex[$0] }
      new.output = newIndex[node.output]
      switch node.operation {
      case .convolution, .linear: new.weightBits = weightBits
      default: break
      }
      result.nodes.append(new)
      if isQuantized[node.output] { quantize(node.output) }
    }
    result.parameters = parameters
    result.outputs = outputs.map { newIndex[$0] }
    result.head = head.map { head in
      var head = head
      head.levels = head.levels.map {
        .init(boxes: newIndex[$0.boxes], classes: newIndex[$0.classes], stride: $0.stride)
      }
      return head
    }
    return result
  }

  /// Whether the target keeps this value in memory as integers of a grid that must be set here.
  private func isTensor(
    _ value: Int, _ rules: PlacementRules, _ producers: [Int?], _ consumers: [[Int]]
  ) -> Bool {
    if inputs.contains(value) { return true }
    guard let producer = producers[value].map({ nodes[$0] }) else { return false }
    if producer.operation.keepsGrid { return false }
    if outputs.contains(value) && !rules.quantizesOutputs { return false }
    let readers = consumers[value].map { nodes[$0].operation }
    let isInsideFusion =
      !readers.isEmpty
      && readers.allSatisfy { reader in
        switch (producer.operation, reader) {
        case (.convolution, .batchNorm), (.convolution, .activation), (.batchNorm, .activation):
          true
        case (.add, .activation), (.linear, .activation): true
        default: false
        }
      }
    if isInsideFusion && !outputs.contains(value) { return false }
    if !rules.quantizesFusedAddends, readers == [.add], isConvolved(producer) {
      // Of two addends one may be fused: the second, by convention the branch with the convolutions.
      let add = nodes[consumers[value][0]]
      return add.inputs[1] != value
    }
    return true
  }

  private func isConvolved(_ node: Node) -> Bool {
    switch node.operation {
    case .convolution, .batchNorm, .activation: true
    default: false
    }
  }
}
