public import Datasets
import Detection
import Engine
import Glibc
import Graphs
public import MessagePassing
public import Parallel
import Tensors

/// How much a measurement of a network's outputs suffers: what a part of the network costs.
public struct SensitivityMeasure: Hashable, Sendable, Codable {
  /// Signal to quantization noise of the outputs, in dB, of the mean over outputs of noise over signal;
  /// `nil` without any noise.
  public var decibels: Double?
  /// mAP50-95 on the validation pictures; `nil` where only the noise was measured.
  public var mAP: Double?

  public init(decibels: Double?, mAP: Double?) { (self.decibels, self.mAP) = (decibels, mAP) }

  /// Noise power against the signal's, mean over outputs: adds up over parts that disturb independently.
  public var noise: Double { decibels.map { pow(10, -$0 / 10) } ?? 0 }
}

/// A part of a network: a site with the weights of the layers that read it, or a layer's weights.
public struct SensitivityRow: Hashable, Sendable, Codable {
  public var name: String
  /// Of the activations of a site, of the weights of a layer.
  public var bits: Int
  /// The layers whose weights belong to it.
  public var layers: [String]
  public var weightCount: Int
  /// With this part alone on its grid.
  public var alone: SensitivityMeasure
  /// With everything else on its grid.
  public var without: SensitivityMeasure
}

/// What the parts of a calibrated model cost, each alone and each left out.
public struct SensitivityReport: Hashable, Sendable, Codable {
  /// Everything in float, and everything on its grid.
  public var float, whole: SensitivityMeasure
  public var rows: [SensitivityRow]
  /// With the weights of one layer alone on a grid of `lowBits`; for a mix of bits.
  public var lowBits: Int?
  public var low: [SensitivityRow]
  /// The layers with weights, in the graph's order.
  public var layers: [SensitivityLayer]

  /// The rows, what costs most first: by mAP where it was measured, and by the noise.
  public var ranked: [SensitivityRow] {
    func loss(_ row: SensitivityRow) -> Double { -(row.alone.mAP ?? 0) }
    return rows.sorted {
      if loss($0) != loss($1) { return loss($0) > loss($1) }
      return ($0.alone.noise, $1.name) > ($1.alone.noise, $0.name)
    }
  }
}

/// What goes in and out together.
public enum SensitivityPart: String, Hashable, Sendable, Codable, CaseIterable {
  /// A site and the weights of the layers that read it.
  case site
  /// The weights of a layer.
  case layer
}

/// Puts each part of a calibrated model on its grid alone, and leaves each out alone, and measures.
///
/// The cases go round the ranks; a case is measured by one rank on all pictures, so that the results
/// do not depend on their number.
///
/// - Parameters:
///   - images: how many pictures the noise is measured on.
///   - measuresMAP: whether each case is scored too.
///   - lowBits: also measures each layer's weights alone at so few bits.
///
/// *Collective.*
public func measureSensitivity(
  of model: DeployedModel, _ pictures: PictureCache, per part: SensitivityPart, images: Int,
  measuresMAP: Bool, lowBits: Int?, communicator: Communicator
) throws(FailureReport) -> SensitivityReport {
  let network = try communicator.together(exitCode: exitCode) {
    try PartialNetwork(model, batchSize: 4)
  }
  let rows = network.rows(per: part)
  let lowRows = lowBits.map { bits in network.rows(per: .layer).map { $0.with(bits: bits) } } ?? []
  let whole = network.whole
  var cases = [PartialQuantization(), whole]
  for row in rows { cases += [row.parts, whole.subtracting(row.parts)] }
  for row in lowRows { cases.append(row.parts) }

  let meter = try communicator.together(exitCode: exitCode) {
    try SensitivityMeter(network, pictures, model: model, images: images, measuresMAP: measuresMAP)
  }
  // Signal to noise and mAP; NaN stands for none.
  var found = [Double](repeating: 0, count: 2 * cases.count)
  try communicator.together(exitCode: exitCode) {
    for (index, parts) in cases.enumerated()
    where index % communicator.size == communicator.rank {
      let measure = try meter.measure(parts)
      found[2 * index] = measure.decibels ?? .nan
      found[2 * index + 1] = measure.mAP ?? .nan
    }
  }
  // All but one of the ranks add a zero.
  try communicator.together {
    try found.withUnsafeMutableBufferPointer {
      try communicator.allReduce($0.baseAddress!, count: $0.count, .sum)
    }
  }
  func measure(_ index: Int) -> SensitivityMeasure {
    func number(_ i: Int) -> Double? { found[i].isNaN ? nil : found[i] }
    return SensitivityMeasure(decibels: number(2 * index), mAP: number(2 * index + 1))
  }
  return SensitivityReport(
    float: measure(0), whole: measure(1),
    rows: rows.enumerated().map { index, row in
      row.row(alone: measure(2 + 2 * index), without: measure(3 + 2 * index))
    },
    lowBits: lowBits,
    low: lowRows.enumerated().map { index, row in
      row.row(alone: measure(2 + 2 * rows.count + index), without: measure(1))
    },
    layers: network.layers.map {
      SensitivityLayer(
        name: $0.name, weightCount: $0.elementCount, multiplyCount: $0.multiplyCount)
    })
}

/// A row before it is measured.
private struct PlannedRow {
  var name: String
  var bits: Int
  var layers: [PartialNetwork.Layer]
  var parts: PartialQuantization

  func with(bits: Int) -> Self {
    var row = self
    row.bits = bits
    row.parts.weightBits = row.parts.weightBits.mapValues { _ in bits }
    return row
  }

  func row(alone: SensitivityMeasure, without: SensitivityMeasure) -> SensitivityRow {
    SensitivityRow(
      name: name, bits: bits, layers: layers.map(\.name),
      weightCount: layers.reduce(0) { $0 + $1.elementCount }, alone: alone, without: without)
  }
}

extension PartialNetwork {
  fileprivate func rows(per part: SensitivityPart) -> [PlannedRow] {
    func bits(_ layers: [Layer]) -> [String: Int] {
      Dictionary(uniqueKeysWithValues: layers.map { ($0.name, $0.bits) })
    }
    switch part {
    case .layer:
      return layers.map {
        PlannedRow(
          name: $0.name, bits: $0.bits, layers: [$0],
          parts: PartialQuantization(weightBits: bits([$0])))
      }
    case .site:
      return graph.sites.enumerated().map { index, site in
        let readers = layers.filter { $0.site == index }
        return PlannedRow(
          name: site.name, bits: site.bits, layers: readers,
          parts: PartialQuantization(sites: [index], weightBits: bits(readers)))
      }
    }
  }
}

extension PartialQuantization {
  func subtracting(_ other: Self) -> Self {
    PartialQuantization(
      sites: sites.subtracting(other.sites),
      weightBits: weightBits.filter { other.weightBits[$0.key] == nil })
  }
}

/// Measures a network's outputs against those in float.
private struct SensitivityMeter {
  let network: PartialNetwork
  let pictures: PictureCache
  let model: DeployedModel
  let measuresMAP: Bool
  private let batches: [Batch]
  /// By batch and output, in float.
  private var reference: [[[Float]]] = []

  init(
    _ network: PartialNetwork, _ pictures: PictureCache, model: DeployedModel, images: Int,
    measuresMAP: Bool
  ) throws {
    (self.network, self.pictures, self.model) = (network, pictures, model)
    self.measuresMAP = measuresMAP
    let count = min(images, pictures.samples.count)
    batches = try BatchRequest.validation(sampleCount: count, batch: network.plan.batchSize).map {
      try pictures.batch($0, seed: 0)
    }
    network.apply(PartialQuantization())
    reference = batches.map { outputs($0) }
  }

  func measure(_ parts: PartialQuantization) throws -> SensitivityMeasure {
    network.apply(parts)
    var mAP: Double?
    if measuresMAP {
      let found = try detect(
        network.plan, pictures, filter: model.recipe.evaluation.filter, communicator: .solo)
      let score = metrics(of: found, samples: pictures.samples, classNames: model.classNames).AP
      // −1 where there is nothing to find.
      mAP = score < 0 ? nil : score
    }
    return SensitivityMeasure(decibels: decibels(), mAP: mAP)
  }

  private func outputs(_ batch: Batch) -> [[Float]] {
    let count = batch.letterboxes.count
    let plan = network.plan
    batch.images.withElements(as: UInt8.self) { plan.setInput($0.baseAddress!, count: count) }
    plan.forward()
    return network.graph.outputs.map { output in
      let elements = count * network.graph.values[output].shape.elementCount
      return Array(UnsafeBufferPointer(start: plan.output(output), count: elements))
    }
  }

  /// `-10·log₁₀` of the mean over outputs of `Σ (ŷ - y)² / Σ y²`; `nil` where nothing differs.
  ///
  /// A mean of ratios, so that a part that disturbs one output alone counts as much as it disturbs it.
  private func decibels() -> Double? {
    let count = network.graph.outputs.count
    var (signal, noise) = (
      [Double](repeating: 0, count: count), [Double](repeating: 0, count: count)
    )
    for (batch, expected) in zip(batches, reference) {
      Activity.goOn()
      for (output, (y, target)) in zip(outputs(batch), expected).enumerated() {
        for i in y.indices {
          let error = Double(y[i]) - Double(target[i])
          signal[output] += Double(target[i]) * Double(target[i])
          noise[output] += error * error
        }
      }
    }
    let ratios = (0..<count).map { signal[$0] > 0 ? noise[$0] / signal[$0] : 0 }
    let mean = ratios.reduce(0, +) / Double(count)
    return mean > 0 ? -10 * log10(mean) : nil
  }
}
