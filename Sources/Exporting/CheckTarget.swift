public import Graphs
public import Quantization
import Tensors

/// Every node that `target` would not compute as training simulated it, and why.
///
/// The rules are those that the vendors document (`PlacementRules.source`); for TensorRT and the Edge
/// TPU they were not run on the devices. An empty list means that the whole graph runs on integers.
///
/// - Parameters:
///   - graph: with its sites, batch norms in it or folded; a graph without sites is in float anywhere.
///   - weights: to find dead channels; `nil` to leave those out.
///   - grids: one per site, where what a runtime does depends on them; `nil` before calibration.
/// - Returns: findings in the order of the nodes.
public func checkTarget(
  _ graph: Graph, target: Target, weights: NamedWeights? = nil, grids: [Grid]? = nil
) -> [TargetFinding] {
  var check = TargetCheck(graph: graph, target: target, grids: grids)
  for index in graph.nodes.indices { check.visit(index) }
  for output in graph.outputs where check.sites[output] == nil && target.rules.quantizesOutputs {
    check.report(
      graph.values[output].name, target.needsIntegers ? .refused : .float,
      "an output of the graph is not quantized")
  }
  if let weights { check.visitWeights(weights) }
  return check.findings
}

extension Target {
  /// Whether a single float tensor makes the export impossible.
  fileprivate var needsIntegers: Bool { self == .tflite || self == .edgetpu }
}

/// The state of a walk over a graph.
private struct TargetCheck {
  let graph: Graph
  let target: Target
  let grids: [Grid]?
  let sites: [Int?]
  let consumers: [[Int]]
  let producers: [Int?]
  private(set) var findings: [TargetFinding] = []

  init(graph: Graph, target: Target, grids: [Grid]?) {
    self.graph = graph
    self.grids = grids
    self.target = target
    sites = gridSites(graph)
    consumers = graph.consumers()
    producers = graph.producers()
  }

  mutating func report(_ node: String, _ kind: TargetFinding.Kind, _ reason: String) {
    findings.append(TargetFinding(node, kind, reason))
  }

  private mutating func report(
    _ node: Node, _ kind: TargetFinding.Kind, _ reason: String
  ) { report(node.name, kind, reason) }

  /// What a node that has no integers on one of its sides is called.
  private var missing: TargetFinding.Kind { target.needsIntegers ? .refused : .float }

  mutating func visit(_ index: Int) {
    let node = graph.nodes[index]
    switch node.operation {
    case .batchNorm: break
    case .fakeQuantize(let site): visitSite(graph.sites[site], node)
    case .convolution, .linear:
      visitLayer(node)
    case .add, .multiply, .sigmoid, .globalAveragePool:
      visitArithmetic(node)
    case .concat, .slice, .upsample, .maxPool:
      if sites[node.output] == nil {
        report(
          node, missing,
          node.inputs.contains { sites[$0] == nil }
            ? "an input is not quantized" : "its inputs lie on different grids")
      }
    case .activation(let kind): visitActivation(kind, node)
    }
    if target == .edgetpu { visitSize(node) }
  }

  private mutating func visitSite(_ site: Site, _ node: Node) {
    let rules = target.rules
    if rules.symmetric && !site.symmetric {
      report(
        node, .refused,
        "site \(site.name) has a zero point, and \(target.rawValue) takes 0 only; train for tensorrt or portable"
      )
    }
    if !rules.activationBits.contains(site.bits) {
      report(
        node, .refused,
        "site \(site.name) has \(site.bits) bits, and int8 tensors have all 8; use 8 bits for activations"
      )
    }
  }

  /// What quantizes a node's output: behind batch norm and fused activation.
  private func end(of node: Node) -> Int {
    var value = node.output
    while consumers[value].count == 1 {
      let next = graph.nodes[consumers[value][0]]
      switch next.operation {
      case .batchNorm, .activation, .fakeQuantize: value = next.output
      default: return value
      }
    }
    return value
  }

  private mutating func visitLayer(_ node: Node) {
    if sites[node.inputs[0]] == nil { report(node, missing, "its input is not quantized") }
    if node.weightBits == nil { report(node, missing, "its weights are not quantized") }
    if sites[end(of: node)] == nil, target != .tensorrt {
      report(node, missing, "its output is not quantized")
    }
    guard case .convolution(_, _, _, _, let groups, _) = node.operation, groups > 1 else { return }
    let C = graph.values[node.inputs[0]].shape[2]
    if groups < C, target == .edgetpu {
      report(
        node, .cpu,
        "a convolution of \(groups) groups is not among the operators that the compiler maps; use 1 group or depthwise"
      )
    }
  }

  private mutating func visitArithmetic(_ node: Node) {
    let unquantized = node.inputs.filter { sites[$0] == nil }
    if target == .tensorrt {
      // One addend may come straight from a convolution: the two fuse.
      let allowed = node.operation == .add ? 1 : 0
      if unquantized.count > allowed { report(node, .float, "its inputs are not quantized") }
      return
    }
    if !unquantized.isEmpty {
      report(node, missing, "its input \(graph.values[unquantized[0]].name) is not quantized")
    }
    let last = end(of: node)
    guard let site = sites[last].map({ graph.sites[$0] }) else {
      report(node, missing, "its output is not quantized")
      return
    }
    if node.operation == .sigmoid, target.needsIntegers,
      site.symmetric || site.fixedRange != .wholeLogistic
    {
      report(
        node, .refused,
        "LOGISTIC writes the grid of scale 1/256 and zero point -128 only; train for tflite or edgetpu"
      )
    }
  }

  private mutating func visitActivation(_ kind: Activation, _ node: Node) {
    let producer = producers[node.inputs[0]].map { graph.nodes[$0] }
    let isFused =
      switch producer?.operation {
      case .convolution, .batchNorm, .add, .linear: consumers[node.inputs[0]].count == 1
      default: false
      }
    if kind == .silu {
      switch target {
      case .tensorrt: break
      case .tflite, .edgetpu:
        report(
          node, .refused,
          "SiLU is LOGISTIC and MUL with integers between, for which this graph has no sites; train or calibrate for \(target.rawValue), or use ReLU6"
        )
      case .onnxruntime:
        report(
          node, .float,
          "convolution and SiLU run in float: there are no sites before and inside SiLU; train or calibrate for onnxruntime"
        )
      case .portable:
        report(
          node, .deviates,
          "SiLU is one operation on TensorRT, but integers lie between its parts on tflite and edgetpu; portable is exact everywhere with ReLU or ReLU6 only"
        )
      }
      return
    }
    if !isFused {
      report(
        node, missing, "it follows no convolution, linear layer or sum that nothing else reads")
    }
    guard target == .onnxruntime, isFused, let site = sites[end(of: node)] else { return }
    if graph.sites[site].symmetric {
      report(
        node, .float,
        "convolution and \(kind.rawValue) run in float: with a zero point of 0 the grid does not clip at 0 by itself; train or calibrate for onnxruntime"
      )
    } else if let grid = grids?[site], grid.low < 0 || (kind == .relu6 && grid.high > 6.001) {
      report(
        node, .float,
        "convolution and \(kind.rawValue) run in float: the grid of \(grid.low) ... \(grid.high) that it shares with what it is joined to does not clip as it does"
      )
    }
  }

  /// The accelerator's memory; it also holds the parameters.
  private static let edgeTPUMemory = 8 << 20

  private mutating func visitSize(_ node: Node) {
    if case .maxPool(let kernel, let stride, let padding) = node.operation, padding > 0 {
      let (input, output) = (
        graph.values[node.inputs[0]].shape, graph.values[node.output].shape
      )
      if !isSamePadding([input[0], input[1]], [output[0], output[1]], kernel, stride, padding) {
        report(
          node, .cpu,
          "its padding is neither SAME nor VALID, and PADV2 is not among the operators that the compiler maps"
        )
      }
    }
    let bytes =
      node.inputs.reduce(0) { $0 + graph.values[$1].shape.elementCount }
      + graph.values[node.output].shape.elementCount
    if bytes > Self.edgeTPUMemory, sites[end(of: node)] != nil {
      report(
        node, .cpu,
        "its tensors take \(bytes >> 20) MiB, and the Edge TPU has 8 MiB; use a smaller input")
    }
  }

  // MARK: - Weights

  /// Channels whose weights or gains are all zero: they cost time and say nothing.
  mutating func visitWeights(_ weights: NamedWeights) {
    for node in graph.nodes {
      switch node.operation {
      case .convolution, .linear: break
      default: continue
      }
      guard let weight = weights[graph.parameters[node.parameters[0]].name] else { continue }
      let O = weight.shape[0]
      var isDead = weight.withElements(as: Float.self) { w in
        (0..<O).map { o in
          w[o * w.count / O..<(o + 1) * w.count / O].allSatisfy { $0 == 0 }
        }
      }
      if let reader = consumers[node.output].first,
        case .batchNorm = graph.nodes[reader].operation,
        let gains = weights[graph.parameters[graph.nodes[reader].parameters[0]].name]
      {
        for (o, gain) in gains.values(as: Float.self).enumerated() where gain == 0 {
          isDead[o] = true
        }
      }
      let dead = isDead.indices.filter { isDead[$0] }
      guard !dead.isEmpty else { continue }
      let shown = dead.prefix(8).map(String.init).joined(separator: ", ")
      report(
        node, .dead,
        "\(dead.count) of \(O) channels are constant (\(shown)\(dead.count > 8 ? ", …" : "")): their weights or gains are all 0"
      )
    }
  }
}
