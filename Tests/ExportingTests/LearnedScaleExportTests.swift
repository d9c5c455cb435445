import Exporting
import Graphs
import Models
import Quantization
import Tensors
import Testing

/// Learned scales and bits by rules, from the graph to the file.
@Suite struct LearnedScaleExportTests {
  private static let rules = BitRules(
    weightBits: 4, activationBits: 4, overrides: [BitOverride("model.4.*: w3 a5")!])

  @Test(arguments: [LearnedRange.Method.lsq, .pact])
  func `weights in the file are the integers of training on their learned scales`(
    method: LearnedRange.Method
  ) throws {
    let fixture = try ExportFixture(
      ExportFixture.yolo(.silu), target: .tensorrt, rules: Self.rules, learning: method)
    try fixture.graph.validate()
    let parsed = try ONNXStructureTests.export(fixture)
    var clipped = 0
    for node in fixture.graph.nodes {
      guard let bits = node.weightBits, let scale = node.weightScale else { continue }
      let name = fixture.graph.parameters[node.parameters[0]].name
      let weight = fixture.weights[name]!
      let scales = fixture.weights[fixture.graph.parameters[scale].name]!.values(as: Float.self)
      let trained = WeightGrid(scales: scales, bits: bits).quantize(weight).values(as: Int8.self)
      let written = try #require(parsed.constants[name]).floatData
      let units = try #require(parsed.constants["\(name).scale"]).floatData
      let perChannel = written.count / units.count
      let gains = gain(of: node, fixture)
      for (index, q) in trained.enumerated() {
        let o = index / perChannel
        let isDead =
          gains[o] == 0 || trained[o * perChannel..<(o + 1) * perChannel].allSatisfy { $0 == 0 }
        let expected = isDead ? 0 : gains[o] < 0 ? -Int(q) : Int(q)
        #expect(Int((written[index] / units[o]).rounded()) == expected, "\(name)[\(index)]")
      }
      let limit = Float((1 << (bits - 1)) - 1)
      for (o, s) in scales.enumerated() {
        let largest = weight.values(as: Float.self)[o * perChannel..<(o + 1) * perChannel]
          .map { abs($0) }.max()!
        if largest > s * (limit + 0.5) { clipped += 1 }
      }
    }
    // Else it would not show whose scales were taken.
    #expect(clipped > 100)
  }

  private func gain(of node: Node, _ fixture: ExportFixture) -> [Float] {
    let graph = fixture.graph
    let reader = graph.consumers()[node.output].first.map { graph.nodes[$0] }
    guard let reader, case .batchNorm(let epsilon, _) = reader.operation else {
      return Array(repeating: 1, count: graph.parameters[node.parameters[0]].shape[0])
    }
    let norm = reader.parameters.map {
      fixture.weights[graph.parameters[$0].name]!.values(as: Float.self)
    }
    return zip(norm[0], norm[3]).map { $0 / ($1 + epsilon).squareRoot() }
  }

  @Test func `the checker finds nothing against narrow grids with a zero point of 0`() throws {
    let fixture = try ExportFixture(
      ExportFixture.yolo(.silu), target: .tensorrt, rules: Self.rules, learning: .lsq)
    let findings = checkTarget(
      fixture.graph, target: .tensorrt, weights: fixture.weights, grids: fixture.grids)
    #expect(findings.allSatisfy { $0.kind == .dead }, "\(findings)")
    #expect(fixture.grids.allSatisfy { $0.zeroPoint == 0 })
    #expect(fixture.grids.contains { $0.minimum > -8 && $0.maximum > 7 && $0.maximum < 127 })
  }

  /// Like `a shallow network gives the integers of training`, with what is learned.
  @Test(.enabled(if: CheckONNX.script.isReady))
  func `onnxruntime computes the integers of training`() throws {
    for (bits, share) in [(8, 0.998), (4, 0.95)] {
      let fixture = try ExportFixture(
        ExportFixture.shallow(), target: .portable,
        rules: BitRules(weightBits: bits, activationBits: bits, firstLastBits: 8), learning: .lsq)
      let report = try ONNXRuntimeTests.compare(fixture, raw: true, seed: 1)
      for (name, result) in report.reference ?? [:] {
        let steps = try #require(result.steps)
        #expect(steps.maximum <= 1, "\(bits) bits, \(name): \(steps)")
        #expect(steps.equal_share >= share, "\(bits) bits, \(name): \(steps)")
      }
      #expect(report.reference?.count == 2)
    }
  }

  /// TFLite holds activations as int8 only; narrow weights are int8 values on wider steps.
  @Test func `tflite takes narrow weights with learned scales`() throws {
    let fixture = try ExportFixture(
      ExportFixture.yolo(.relu6), target: .tflite,
      rules: BitRules(weightBits: 4, activationBits: 8), learning: .lsq)
    let bytes = try exportTFLite(
      graph: fixture.graph, weights: fixture.weights, grids: fixture.grids)
    #expect(
      bytes
        == (try exportTFLite(
          graph: fixture.graph, weights: fixture.weights, grids: fixture.grids)))
    #expect(
      checkTarget(fixture.graph, target: .tflite, weights: fixture.weights, grids: fixture.grids)
        .allSatisfy { $0.kind == .dead })
  }
}
