import Exporting
import Foundation
import Graphs
import Quantization
import Tensors
import Testing

/// `scripts/check_tflite.py`.
enum CheckTFLite {
  static let script = PythonScript(name: "check_tflite.py", packages: "ai_edge_litert")

  struct Report: Decodable {
    var ok: Bool
    var operators: [String: Int]
    var versions: [String: Int]
    var types: [String: Int]
    var metadata: [String: String]
    var reference: [String: CheckONNX.Report.Comparison]?
  }

  struct Header: Encodable {
    struct Output: Encodable {
      var name: String
      var shape: [Int]
    }
    var input: [Int]
    var outputs: [Output]
  }

  /// The outputs of a model by the runtime, in its order.
  static func dump(_ model: TFLiteModel, input: [Int8], kernels: String) throws -> [[Int8]] {
    var result: [[Int8]] = []
    try PythonScript.withFolder { folder in
      let path = folder.appending(path: "model.tflite")
      try Data(model.bytes).write(to: path)
      let reference = folder.appending(path: "reference")
      var file = try JSONEncoder().encode(
        Header(input: model.tensors[model.inputs[0].tensor].shape, outputs: []))
      file.append(UInt8(ascii: "\n"))
      file.append(contentsOf: input.map { UInt8(bitPattern: $0) })
      try file.write(to: reference)
      let dump = folder.appending(path: "dump")
      let outcome = try script.run([
        path.path, "--reference", reference.path, "--dump", dump.path, "--kernels", kernels,
      ])
      try #require(outcome.status == 0, "\(outcome.error)")
      let bytes = try Data(contentsOf: dump)
      var place = try #require(bytes.firstIndex(of: UInt8(ascii: "\n"))) + 1
      for output in model.outputs {
        let count = model.tensors[output.tensor].shape.reduce(1, *)
        result.append(bytes[place..<place + count].map { Int8(bitPattern: $0) })
        place += count
      }
      #expect(place == bytes.count)
    }
    return result
  }

  /// Writes model, input and the evaluator's outputs, and lets the script compare.
  static func compare(_ model: TFLiteModel, input: [Int8], kernels: String) throws -> Report {
    var evaluator = TFLiteEvaluator(model)
    evaluator.run(input)
    var report: Report?
    try PythonScript.withFolder { folder in
      let path = folder.appending(path: "model.tflite")
      try Data(model.bytes).write(to: path)
      var file = try JSONEncoder().encode(
        Header(
          input: model.tensors[model.inputs[0].tensor].shape,
          outputs: model.outputs.map {
            .init(name: $0.name, shape: model.tensors[$0.tensor].shape)
          }))
      file.append(UInt8(ascii: "\n"))
      for values in [input] + model.outputs.map({ evaluator.values[$0.tensor] }) {
        file.append(contentsOf: values.map { UInt8(bitPattern: $0) })
      }
      let reference = folder.appending(path: "reference")
      try file.write(to: reference)
      let outcome = try script.run([
        path.path, "--reference", reference.path, "--kernels", kernels,
      ])
      try #require(outcome.status == 0, "\(outcome.error)")
      report = try JSONDecoder().decode(Report.self, from: outcome.output)
    }
    return try #require(report)
  }
}

/// The bytes of a picture on the grid of a model's input.
func quantizedInput(_ pixels: [UInt8], _ model: TFLiteModel) -> [Int8] {
  let grid = model.tensors[model.inputs[0].tensor].quantization!
  return pixels.map { pixel in
    let q = (Float(pixel) / 255 / grid.scales[0]).rounded(.toNearestOrEven)
    return Int8(min(max(q + Float(grid.zeroPoints[0]), -128), 127))
  }
}

extension ExportFixture {
  func tflite(_ metadata: [String: String] = [:]) throws -> TFLiteModel {
    try tfliteModel(graph: graph, weights: weights, grids: grids, metadata: metadata)
  }

  static let relu6 = ExportFixture(yolo(.relu6), target: .tflite)
  static let silu = ExportFixture(yolo(.silu), target: .tflite)
  static let portableReLU = ExportFixture(yolo(.relu), target: .portable)

  /// Depthwise and grouped convolutions, paddings that no runtime has, a mean and a linear layer.
  static func classifier() -> Graph {
    var b = GraphBuilder(name: "classifier")
    func conv(
      _ x: GraphBuilder.Handle, _ channels: Int, _ kernel: Int, stride: Int = 1, padding: Int,
      groups: Int = 1, _ name: String
    ) -> GraphBuilder.Handle {
      let y = b.node(
        .convolution(
          channels: channels, kernel: kernel, stride: stride, padding: padding, groups: groups,
          bias: true), x, name: name)
      return b.node(.activation(.relu6), y, name: "\(name).act")
    }
    let image = b.input("image", shape: [64, 64, 3])
    let stem = conv(image, 16, 3, stride: 2, padding: 1, "stem")
    let depthwise = conv(stem, 16, 3, stride: 2, padding: 1, groups: 16, "depthwise")
    let wide = conv(depthwise, 32, 5, padding: 2, groups: 16, "wide")
    let pool = b.node(.maxPool(kernel: 3, stride: 2, padding: 1), wide, name: "pool")
    let loose = conv(pool, 24, 3, padding: 0, "loose")
    let linear = b.node(
      .convolution(channels: 24, kernel: 1, stride: 1, padding: 0, groups: 1, bias: false), loose,
      name: "projection")
    let sum = b.node(.add, loose, linear, name: "sum")
    let negative = b.node(
      .maxPool(kernel: 2, stride: 2, padding: 1), sum, name: "negative")
    let both = b.node(.concat, negative, negative, name: "both")
    let mean = b.node(.globalAveragePool, both, name: "mean")
    b.output(b.node(.linear(features: 10, bias: true), mean, name: "logits"))
    return b.graph
  }
}

@Suite(
  .serialized,
  .enabled(
    if: CheckTFLite.script.isReady,
    "needs a Python with ai-edge-litert: set EDGEWISE_PYTHON or run scripts/check-python"))
struct TFLiteRuntimeTests {
  static let fixtures: [(name: String, fixture: ExportFixture)] = [
    ("relu6", .relu6), ("silu", .silu), ("portable", .portableReLU),
    ("classifier", ExportFixture(ExportFixture.classifier(), target: .tflite)),
    ("shallow", ExportFixture(ExportFixture.shallow(), target: .tflite)),
  ]

  /// Every integer of every output, through 63 convolutions: TFLite's plain loops compute what the
  /// evaluator does.
  @Test(arguments: 0..<5)
  func `the reference kernels give the evaluator's integers`(index: Int) throws {
    let (name, fixture) = Self.fixtures[index]
    let model = try fixture.tflite(["step": "12"])
    for seed in [1, 2] as [UInt64] {
      let report = try CheckTFLite.compare(
        model, input: quantizedInput(ExportFixture.picture(seed: seed), model),
        kernels: "reference")
      #expect(report.reference?.count == model.outputs.count)
      for (output, result) in report.reference ?? [:] {
        #expect(result.equal_share == 1, "\(name), \(output): \(result.steps!.histogram)")
      }
      #expect(Set(report.types.keys) == ["INT8", "INT32"])
      #expect(report.metadata["step"] == "12")
    }
  }

  /// Differences in steps between what the runtime made of an operator's inputs and what the evaluator
  /// makes of the same, by operator.
  static func differences(
    _ model: TFLiteModel, kernels: String, rounding: TFLiteEvaluator.Rounding
  ) throws -> [String: [Int: Int]] {
    var all = model
    // Every tensor is an output, so that the runtime must show it.
    all.outputs = model.operators.map { ("t\($0.output)", $0.output) }
    let input = quantizedInput(ExportFixture.picture(seed: 1), model)
    let dump = try CheckTFLite.dump(all, input: input, kernels: kernels)
    var evaluator = TFLiteEvaluator(model, rounding: rounding)
    evaluator.values[model.inputs[0].tensor] = input
    for (step, values) in zip(model.operators, dump) { evaluator.values[step.output] = values }
    var result: [String: [Int: Int]] = [:]
    for step in model.operators {
      let name = step.operation.operatorName
      for (a, b) in zip(evaluator.evaluate(step), evaluator.values[step.output]) {
        result[name, default: [:]][abs(Int(a) - Int(b)), default: 0] += 1
      }
    }
    return result
  }

  @Test(arguments: ["reference", "builtin", "xnnpack"])
  func `operators`(kernels: String) throws {
    for rounding in [TFLiteEvaluator.Rounding.twice, .once] {
      for (name, fixture) in Self.fixtures {
        let found = try Self.differences(fixture.tflite(), kernels: kernels, rounding: rounding)
        for (op, steps) in found.sorted(by: { $0.key < $1.key }) {
          let total = steps.values.reduce(0, +)
          if steps.count > 1 {
            print(
              kernels, rounding, name, op, total, Double(steps[0] ?? 0) / Double(total),
              steps.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" })
          }
        }
      }
    }
  }

  @Test func `simulation`() throws {
    for (name, fixture) in Self.fixtures {
      let model = try fixture.tflite()
      let pixels = ExportFixture.picture(seed: 1)
      let (_, values) = fixture.evaluate(pixels)
      for rounding in [TFLiteEvaluator.Rounding.once, .twice] {
        var evaluator = TFLiteEvaluator(model, rounding: rounding)
        evaluator.run(quantizedInput(pixels, model))
        let sites = YOLOv8PlacementTests.sites(fixture.graph)
        for (output, value) in zip(model.outputs, fixture.graph.outputs) {
          let grid = fixture.grids[sites[value]!]
          let wanted = values[value].map { grid.quantize(Float($0)) }
          let d = zip(evaluator.values[output.tensor], wanted).map { abs(Int32($0) - $1) }
          print(
            "simulation", name, rounding, output.name, d.max()!,
            Double(d.count { $0 == 0 }) / Double(d.count))
        }
      }
    }
  }
}
