package import Graphs
package import Quantization
import Tensors

/// A graph computed the plain way: one loop per index, in Double, nothing fused and nothing shared.
///
/// Slow on purpose: it is what the plans are held against. Every value of the graph is kept.
package struct ReferenceNetwork {
  package let graph: Graph
  package let batchSize: Int
  /// The numbers of each parameter of the graph, in its order.
  package var parameters: [[Double]]
  package var batchNormMode = BatchNormMode.batch
  package var quantizationMode = QuantizationMode.off
  /// One per site; read when quantizing.
  package var grids: [Grid?]

  package init(graph: Graph, batchSize: Int, weights: NamedWeights) {
    self.graph = graph
    self.batchSize = batchSize
    parameters = graph.parameters.map {
      weights[$0.name]!.values(as: Float.self).map(Double.init)
    }
    grids = Array(repeating: nil, count: graph.sites.count)
  }

  /// Everything one forward pass computed.
  package struct Trace {
    /// By value of the graph, `[N, H, W, C]` or `[N, C]`.
    package var values: [[Double]]
    /// By parameter: what rounding a weight to its grid added to it; empty where it has none.
    package var weightErrors: [[Double]]
    /// By parameter: the mean and the unbiased variance that a batch norm saw.
    package var shardStatistics: [[Double]]
    /// Which branch each ReLU and each max pool took, in order. Two passes with equal branches lie on
    /// the same smooth piece of the function.
    package var branches: [Int32]
    /// The parameters it was computed with.
    package var parameters: [[Double]] = []
  }

  /// - Parameter base: if given, rounding is replaced by what the straight-through estimator takes it
  ///   for around that pass: a shift by the rounding error of `base` inside the grid, a constant
  ///   outside. The derivative of this function is the estimator's gradient.
  package func forward(_ input: [Double], straightThrough base: Trace? = nil) -> Trace {
    var trace = Trace(
      values: graph.values.map { _ in [] }, weightErrors: graph.parameters.map { _ in [] },
      shardStatistics: graph.parameters.map { _ in [] }, branches: [], parameters: parameters)
    precondition(input.count == batchSize * graph.values[graph.inputs[0]].shape.elementCount)
    trace.values[graph.inputs[0]] = input
    for node in graph.nodes {
      trace.values[node.output] = evaluate(node, in: &trace, straightThrough: base)
    }
    return trace
  }

  /// The value of one node from the values its inputs have in `trace`.
  package func evaluate(_ node: Node, in trace: inout Trace, straightThrough base: Trace? = nil)
    -> [Double]
  {
    let shape = graph.values[node.inputs[0]].shape
    let inputs = node.inputs.map { trace.values[$0] }
    let isImage = shape.rank == 3
    let x = ReferenceArray(
      inputs[0], N: batchSize, H: isImage ? shape[0] : 1, W: isImage ? shape[1] : 1,
      C: isImage ? shape[2] : shape[0])
    switch node.operation {
    case .convolution(let O, let kernel, let stride, let padding, let groups, let bias):
      return x.convolved(
        weight(of: node, in: &trace, straightThrough: base),
        bias: bias ? parameters[node.parameters[1]] : nil, O: O, kernel: kernel, stride: stride,
        padding: padding, groups: groups)
    case .linear(let O, let bias):
      return x.convolved(
        weight(of: node, in: &trace, straightThrough: base),
        bias: bias ? parameters[node.parameters[1]] : nil, O: O, kernel: 1, stride: 1, padding: 0,
        groups: 1)
    case .batchNorm(let epsilon, _):
      let p = node.parameters
      var (mean, variance) = (parameters[p[2]], parameters[p[3]])
      var unbiased = variance
      if batchNormMode == .batch {
        (mean, variance) = x.statistics()
        let rows = Double(x.rows)
        unbiased = variance.map { $0 * rows / max(rows - 1, 1) }
      }
      trace.shardStatistics[p[2]] = mean
      trace.shardStatistics[p[3]] = unbiased
      return x.normalized(
        mean: mean, variance: variance, epsilon: Double(epsilon), scale: parameters[p[0]],
        shift: parameters[p[1]])
    case .activation(let kind): return x.activated(kind, branches: &trace.branches)
    case .sigmoid: return x.gated()
    case .add: return zip(inputs[0], inputs[1]).map { $0 + $1 }
    case .multiply: return zip(inputs[0], inputs[1]).map { $0 * $1 }
    case .concat:
      let channels = node.inputs.map { graph.values[$0].shape[2] }
      return (0..<x.rows).flatMap { row in
        inputs.indices.flatMap { i in
          inputs[i][row * channels[i]..<(row + 1) * channels[i]]
        }
      }
    case .slice(let from, let count):
      return (0..<x.rows).flatMap { row in
        inputs[0][row * x.C + from..<row * x.C + from + count]
      }
    case .upsample(let factor): return x.upsampled(factor)
    case .maxPool(let kernel, let stride, let padding):
      return x.maxPooled(
        kernel: kernel, stride: stride, padding: padding, branches: &trace.branches)
    case .globalAveragePool: return x.averaged()
    case .fakeQuantize(let site):
      guard quantizationMode == .quantize else { return inputs[0] }
      if graph.sites[site].learned != nil {
        return learnedSite(site, inputs[0], base.map { ($0, node) })
      }
      let grid = grids[site]!
      guard let base else { return inputs[0].map { Double(grid.fakeQuantize(Float($0))) } }
      let (before, after) = (base.values[node.inputs[0]], base.values[node.output])
      return inputs[0].indices.map { i in
        let passes = ReferenceArray.rounds(Float(before[i]), into: grid)
        return passes ? inputs[0][i] + (after[i] - before[i]) : after[i]
      }
    }
  }

  /// A weight as the node multiplies with it. Grids are defined in FP32 and so computed in it.
  private func weight(of node: Node, in trace: inout Trace, straightThrough base: Trace?)
    -> [Double]
  {
    let p = node.parameters[0]
    guard let bits = node.weightBits else { return parameters[p] }
    if let scale = node.weightScale {
      return learnedWeight(p, scale, bits: bits, straightThrough: base)
    }
    // A weight never lies outside a grid made from its own maximum.
    if let base { return zip(parameters[p], base.weightErrors[p]).map { $0 + $1 } }
    let tensor = Tensor(parameters[p].map { Float($0) }, shape: graph.parameters[p].shape)
    let rounded = WeightGrid(tensor, bits: bits).fakeQuantize(tensor).values(as: Float.self)
    trace.weightErrors[p] = zip(parameters[p], rounded).map { Double($1) - $0 }
    return rounded.map(Double.init)
  }
}
