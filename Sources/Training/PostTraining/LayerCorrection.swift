package import Engine
import Graphs
package import MessagePassing
package import Parallel
import Tensors

/// Corrects a quantized network layer by layer, front to back, so that each layer gives what it gave in
/// float: by its rounding, its batch norm's statistics, its mean.
///
/// Two forward passes go side by side over the same pictures, of the float network and of the quantized
/// one, from layer to layer. What a layer of the second gets is what the corrected layers before it give.
/// Every rank does the same, but for the search for roundings, whose blocks of output channels go
/// round the ranks: no result depends on their number.
///
/// - **Bias correction**: the mean of a layer's output over pictures and pixels returns to that of the
///   float network, `mean ← mean - (E[y] - E[ŷ])` in the batch norm behind it, `b ← b + E[y] - E[ŷ]`
///   where there is none. *Source:* Nagel et al. 2019, "Data-Free Quantization Through Weight
///   Equalization and Bias Correction", section 4.2, in the empirical form.
/// - **Batch-norm re-estimation**: running mean and variance become those of the quantized layer's
///   outputs. *Source:* Nagel et al. 2022, "Overcoming Oscillations in Quantization-Aware Training".
/// - **Adaptive rounding**: `AdaptiveRounding`, on the outputs of the float layer.
///
/// - Parameters:
///   - quantized: its input set; its store ends with the corrected parameters.
///   - float: the network without sites, layers of the same names; the same input.
/// - Returns: by layer whose rounding was searched, the squared error of its outputs against that of
///   rounding to the nearest.
///
/// *Collective.*
package func correctLayers(
  of quantized: InferencePlan, toward float: InferencePlan,
  _ calibration: Recipe.Quantization.Calibration, communicator: Communicator
) throws(FailureReport) -> [Double] {
  var correction = LayerCorrection(
    calibration: calibration, quantized: LayerWalk(quantized), float: LayerWalk(float),
    communicator: communicator)
  let consumers = quantized.graph.consumers()
  for node in quantized.graph.nodes where node.weightBits != nil {
    Activity.goOn()
    guard let original = float.graph.nodes.first(where: { $0.name == node.name }) else {
      preconditionFailure("\(node.name) is not in the float graph")
    }
    let norm = consumers[node.output].map { quantized.graph.nodes[$0] }.first {
      if case .batchNorm = $0.operation { true } else { false }
    }
    try correction.correct(node, as: original, norm: norm)
  }
  return correction.ratios
}

/// What happens at each layer of a walk.
struct LayerCorrection {
  let calibration: Recipe.Quantization.Calibration
  let quantized, float: LayerWalk
  let communicator: Communicator
  /// By layer, the squared error of its outputs against that of rounding to the nearest.
  var ratios: [Double] = []

  var store: ParameterStore { quantized.inference.store }
  var graph: Graph { quantized.inference.graph }

  /// *Collective*, where roundings are searched.
  mutating func correct(_ node: Node, as original: Node, norm: Node?) throws(FailureReport) {
    quantized.advance(to: node.name)
    float.advance(to: original.name)
    float.computeLayer()
    if calibration.adaround { try searchRounding(node, original) }
    quantized.computeLayer()
    let output = quantized.numbers(of: node.output)
    if calibration.reestimateBatchNorm, let norm {
      reestimate(norm, output)
    } else if calibration.biasCorrection {
      let target = float.numbers(of: original.output).statistics().mean
      let found = output.statistics().mean
      let shift = zip(target, found).map { Float($0 - $1) }
      if let norm {
        add(shift, times: -1, to: norm.parameters[2])
      } else if node.parameters.count > 1 {
        add(shift, times: 1, to: node.parameters[1])
        quantized.computeLayer()
      }
    }
    quantized.leaveLayer()
    float.leaveLayer()
  }

  /// The statistics that a batch norm of this batch would use.
  private func reestimate(_ norm: Node, _ output: ValueNumbers) {
    let (mean, variance) = output.statistics()
    let unbias = Double(output.rowCount) / Double(max(output.rowCount - 1, 1))
    set(norm.parameters[2], mean.map { Float($0) })
    set(norm.parameters[3], variance.map { Float($0 * unbias) })
  }

  private func set(_ parameter: Int, _ values: [Float]) {
    let p = graph.parameters[parameter]
    store.load([p.name: Tensor(values, shape: p.shape)])
  }

  private func add(_ values: [Float], times factor: Float, to parameter: Int) {
    let old = store.values(of: graph.parameters[parameter].name)
    set(parameter, zip(old, values).map { $0 + factor * $1 })
  }
}
