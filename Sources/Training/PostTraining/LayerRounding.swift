import Engine
import Graphs
import MessagePassing
import Parallel
import Tensors

extension LayerCorrection {
  /// Output channels whose roundings one rank searches at a time.
  private static let blockRows = 32
  /// Pixels of a layer's output that its rounding is judged by.
  private static let pixelCount = 8192

  /// Rounds a layer's weights so that it gives, from what it gets, what the float layer gave.
  ///
  /// Blocks of output channels go round the ranks; a block is the same matrices whoever computes it.
  /// Where means are corrected behind the layer anyway, only what is left of inputs and outputs without
  /// their means counts.
  ///
  /// *Collective.*
  mutating func searchRounding(_ node: Node, _ original: Node) throws(FailureReport) {
    let samples = LayerSamples(
      graph, node, batchSize: quantized.inference.batchSize, count: Self.pixelCount)
    let g = samples.geometry
    let weight = graph.parameters[node.parameters[0]]
    let bias = node.parameters.count > 1 ? graph.parameters[node.parameters[1]].name : nil
    // Those of the float layer: the grid is chosen here, whatever was clipped before.
    let weights = float.inference.store.values(of: weight.name)
    let isCentered = calibration.biasCorrection || calibration.reestimateBatchNorm
    var own: [UInt32] = []
    var blocks = 0
    for group in 0..<g.groups {
      var x = samples.inputs(quantized.numbers(of: node.inputs[0]), group: group)
      var y = samples.outputs(float.numbers(of: original.output), group: group)
      if let bias { subtract(store.values(of: bias), group: group, of: g, from: &y) }
      if isCentered {
        center(&x, columns: g.K)
        center(&y, columns: g.groupO)
      }
      let moments = AdaptiveRounding.Moments(x, K: g.K)
      for first in stride(from: 0, to: g.groupO, by: Self.blockRows) {
        defer { blocks += 1 }
        guard blocks % communicator.size == communicator.rank else { continue }
        Activity.goOn()
        let rows = first..<min(first + Self.blockRows, g.groupO)
        let start = group * g.groupO
        let w = Array(
          weights[(start + rows.lowerBound) * g.K..<(start + rows.upperBound) * g.K])
        let target = AdaptiveRounding.Target(w, x, y, rows, K: g.K, O: g.groupO)
        AdaptiveRounding(stepCount: calibration.adaroundSteps)
          .rounded(w, target, moments, bits: node.weightBits!)
          .encode(firstRow: start + rows.lowerBound, into: &own)
      }
    }
    let bytes = own.withUnsafeBytes { Array($0) }
    let gathered = try communicator.together { try communicator.allGather(bytes) }
    var result = weights
    var errors = [(before: Double, after: Double)](repeating: (0, 0), count: g.O)
    for bytes in gathered {
      AdaptiveRounding.Result.decode(bytes, K: g.K) { row, weights, before, after in
        result.replaceSubrange(row * g.K..<(row + 1) * g.K, with: weights)
        errors[row] = (before, after)
      }
    }
    store.load([weight.name: Tensor(result, shape: weight.shape)])
    let before = errors.reduce(0) { $0 + $1.before }
    let after = errors.reduce(0) { $0 + $1.after }
    if before > 0 { ratios.append(after / before) }
  }

  private func subtract(
    _ bias: [Float], group: Int, of g: LayerSamples.Geometry, from y: inout [Float]
  ) {
    for i in y.indices { y[i] -= bias[group * g.groupO + i % g.groupO] }
  }
}

extension AdaptiveRounding.Result {
  /// Per row its number, both errors and its weights, as words.
  func encode(firstRow: Int, into words: inout [UInt32]) {
    let K = weights.count / before.count
    for row in before.indices {
      words.append(UInt32(firstRow + row))
      for error in [before[row], after[row]] {
        words.append(UInt32(truncatingIfNeeded: error.bitPattern >> 32))
        words.append(UInt32(truncatingIfNeeded: error.bitPattern))
      }
      for w in weights[row * K..<(row + 1) * K] { words.append(w.bitPattern) }
    }
  }

  static func decode(
    _ bytes: [UInt8], K: Int,
    _ body: (_ row: Int, _ weights: [Float], _ before: Double, _ after: Double) -> Void
  ) {
    let words = bytes.withUnsafeBytes { raw in
      (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
    }
    func number(_ at: Int) -> Double {
      Double(bitPattern: UInt64(words[at]) << 32 | UInt64(words[at + 1]))
    }
    for at in stride(from: 0, to: words.count, by: 5 + K) {
      body(
        Int(words[at]), words[at + 5..<at + 5 + K].map { Float(bitPattern: $0) }, number(at + 1),
        number(at + 3))
    }
  }
}
