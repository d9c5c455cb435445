public import Graphs

extension Graph {
  /// The graph, its sites placed, with the bits that `rules` give each weight and each site.
  ///
  /// A pattern is held against the names of layers, and for activations against those of the nodes that
  /// make a site's values: its layer, its batch norm, its activation. Where several values share a
  /// site, any of them counts. A site with a zero point of 0 and fewer than 8 bits is `shifted`: its
  /// integers lie inside int8 where its range is.
  ///
  /// - Throws: `UnmatchedPattern`.
  public func settingBits(_ rules: BitRules) throws(UnmatchedPattern) -> Graph {
    var result = self
    for index in nodes.indices where nodes[index].weightBits != nil {
      result.nodes[index].weightBits = rules.weightBits
    }
    for site in sites.indices { result.sites[site].bits = rules.activationBits }
    let names = siteNames()
    let siteOfValue = siteOfValue()
    for index in firstAndLastLayers() {
      result.nodes[index].weightBits = rules.firstLastBits
      let ends = [siteOfValue[nodes[index].inputs[0]], siteOfValue[fusedEnd(of: nodes[index])]]
      for site in ends.compactMap({ $0 }) { result.sites[site].bits = rules.firstLastBits }
    }
    for override in rules.overrides {
      var isUsed = false
      for index in nodes.indices
      where nodes[index].weightBits != nil && override.pattern.matches(nodes[index].name) {
        if let bits = override.weightBits { result.nodes[index].weightBits = bits }
        isUsed = true
      }
      for site in sites.indices where names[site].contains(where: override.pattern.matches) {
        if let bits = override.activationBits { result.sites[site].bits = bits }
        isUsed = true
      }
      guard isUsed else { throw UnmatchedPattern(override: override, near: near(override, names)) }
    }
    for site in sites.indices where sites[site].symmetric && result.sites[site].bits < 8 {
      result.sites[site].shifted = true
    }
    return result
  }

  /// The site on whose grid each value lies.
  private func siteOfValue() -> [Int?] {
    var result = [Int?](repeating: nil, count: values.count)
    for node in nodes {
      if case .fakeQuantize(let site) = node.operation {
        result[node.output] = site
      } else if node.operation.keepsGrid {
        result[node.output] = result[node.inputs[0]]
      }
    }
    return result
  }

  /// By site, the names of the nodes that make its values.
  private func siteNames() -> [[String]] {
    var result = [[String]](repeating: [], count: sites.count)
    let producers = producers()
    for node in nodes {
      guard case .fakeQuantize(let site) = node.operation else { continue }
      var value = node.inputs[0]
      result[site].append(values[value].name)
      while let index = producers[value] {
        let producer = nodes[index]
        if producer.name != result[site].last { result[site].append(producer.name) }
        switch producer.operation {
        case .activation, .batchNorm: value = producer.inputs[0]
        default: value = -1
        }
        if value < 0 { break }
      }
    }
    return result
  }

  /// Layers that read an input of the graph, and those whose output is one of the graph's.
  private func firstAndLastLayers() -> [Int] {
    let producers = producers()
    func isQuantizer(_ node: Node) -> Bool {
      if case .fakeQuantize = node.operation { true } else { false }
    }
    func source(_ value: Int) -> Int {
      guard let index = producers[value], isQuantizer(nodes[index]) else { return value }
      return nodes[index].inputs[0]
    }
    let last = Set(outputs.map { source($0) })
    return nodes.indices.filter { index in
      nodes[index].weightBits != nil
        && (inputs.contains(source(nodes[index].inputs[0])) || last.contains(nodes[index].output))
    }
  }

  /// The value that a layer leaves as a tensor: behind its batch norm, activation and site.
  private func fusedEnd(of node: Node) -> Int {
    let consumers = consumers()
    var value = node.output
    while consumers[value].count == 1 {
      let next = nodes[consumers[value][0]]
      switch next.operation {
      case .batchNorm, .activation, .fakeQuantize: value = next.output
      default: return value
      }
      if case .fakeQuantize = next.operation { return value }
    }
    return value
  }

  private func near(_ override: BitOverride, _ siteNames: [[String]]) -> [String] {
    let layers = nodes.filter { $0.weightBits != nil }.map(\.name)
    let all = Array(Set(layers + siteNames.joined()))
    let wanted = override.pattern.literal
    return all.map { (editDistance($0, wanted), $0) }.sorted { $0 < $1 }.prefix(3).map(\.1)
  }
}

/// The number of letters to insert, delete or replace to turn one name into the other.
private func editDistance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a.utf8), Array(b.utf8))
  var row = Array(0...b.count)
  for i in a.indices {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
