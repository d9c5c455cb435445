import Tensors

extension Graph {
  /// One line per input, node, site and output, for people and for `diff`.
  public var text: String {
    var lines = ["graph \(name)"]
    for input in inputs {
      lines.append("  input %\(input) \(values[input].name) \(values[input].shape)")
    }
    for (index, site) in sites.enumerated() {
      let range = site.fixedRange.map { " range \($0.low)...\($0.high)" } ?? ""
      lines.append(
        "  site \(index) \(site.name) int\(site.bits) \(site.symmetric ? site.shifted == true ? "shifted" : "symmetric" : "affine")\(range)"
          + (site.learned.map { " learned \($0.method.rawValue)" } ?? "")
      )
    }
    for node in nodes {
      let inputs = node.inputs.map { "%\($0)" }.joined(separator: ", ")
      var line =
        "  %\(node.output) \(values[node.output].shape) = \(node.operation.name)(\(inputs))"
      line += node.operation.details
      if let bits = node.weightBits {
        line += " weights int\(bits)" + (node.weightScale == nil ? "" : " learned scales")
      }
      lines.append(line + "  # \(node.name)")
    }
    for output in outputs { lines.append("  output %\(output) \(values[output].name)") }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Operation {
  fileprivate var details: String {
    switch self {
    case .convolution(let channels, let kernel, let stride, let padding, let groups, let bias):
      " channels \(channels) kernel \(kernel) stride \(stride) padding \(padding)"
        + (groups > 1 ? " groups \(groups)" : "") + (bias ? " bias" : "")
    case .batchNorm(let epsilon, let momentum): " epsilon \(epsilon) momentum \(momentum)"
    case .slice(let from, let count): " channels \(from)..<\(from + count)"
    case .upsample(let factor): " factor \(factor)"
    case .maxPool(let kernel, let stride, let padding):
      " kernel \(kernel) stride \(stride) padding \(padding)"
    case .linear(let features, let bias): " features \(features)" + (bias ? " bias" : "")
    case .fakeQuantize(let site): " site \(site)"
    case .activation, .sigmoid, .add, .multiply, .concat, .globalAveragePool: ""
    }
  }
}
