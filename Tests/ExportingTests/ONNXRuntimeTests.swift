import Exporting
import Foundation
import Graphs
import Quantization
import Tensors
import Testing

/// `scripts/check_onnx.py`.
enum CheckONNX {
  static let script = PythonScript(name: "check_onnx.py", packages: "onnx, onnxruntime")

  static func run(_ arguments: [String]) throws -> PythonScript.Outcome {
    try script.run(arguments)
  }

  struct Report: Decodable {
    struct Comparison: Decodable {
      struct Steps: Decodable {
        var maximum: Int
        var equal_share: Double
        var histogram: [String: Int]
      }
      var maximum_difference: Double
      var mean_difference: Double
      var largest_value: Double
      var equal_share: Double
      var steps: Steps?
    }
    var ok: Bool
    var metadata: [String: String]
    var nodes: [String: Int]
    var run_nodes: [String: Int]
    var reference: [String: Comparison]?
  }

  static func report(_ arguments: [String]) throws -> Report {
    let result = try run(arguments)
    try #require(result.status == 0, "\(result.error)")
    return try JSONDecoder().decode(Report.self, from: result.output)
  }

  static func bytes(_ values: [Double]) -> Data {
    values.map { Float($0) }.withUnsafeBytes { Data($0) }
  }
}

/// `[H, W, C]` to `[C, H, W]`.
private func channelsFirst(_ x: [Double], _ shape: Shape) -> [Double] {
  let pixels = shape[0] * shape[1]
  return (0..<shape[2]).flatMap { c in (0..<pixels).map { x[$0 * shape[2] + c] } }
}

@Suite(
  .serialized,
  .enabled(
    if: CheckONNX.script.isReady,
    "needs a Python with onnx and onnxruntime: set EDGEWISE_PYTHON or run scripts/check-python"))
struct ONNXRuntimeTests {
  struct Expected: Encodable {
    var name: String
    var shape: [Int]
    var step: Float?
  }
  struct Header: Encodable {
    var input: [Int]
    var outputs: [Expected]
  }

  /// Exports, writes the evaluator's values beside it, and lets the script compare.
  static func compare(
    _ fixture: ExportFixture, raw: Bool, seed: UInt64, _ flags: [String] = [],
    flavor: ONNXOptions.Flavor = .tensorrt
  ) throws -> CheckONNX.Report {
    let pixels = ExportFixture.picture(seed: seed)
    let (evaluator, values) = fixture.evaluate(pixels)
    let graph = fixture.graph
    var outputs: [(Expected, [Double])] = []
    if raw {
      let producers = graph.producers()
      let levels = graph.head?.levels.flatMap { level in
        [
          ("boxes.stride\(level.stride)", level.boxes),
          ("classes.stride\(level.stride)", level.classes),
        ]
      }
      for (name, value) in levels ?? graph.outputs.enumerated().map({ ("output.\($0)", $1) }) {
        let shape = graph.values[value].shape
        var step: Float?
        if case .fakeQuantize(let site) = graph.nodes[producers[value]!].operation {
          step = fixture.grids[site].scale
        }
        outputs.append(
          (
            Expected(name: name, shape: [1, shape[2], shape[0], shape[1]], step: step),
            channelsFirst(values[value], shape)
          ))
      }
    } else {
      let decoded = evaluator.decode(values)
      let classes = graph.head!.classNames.count
      let anchors = decoded.boxes.count / 4
      outputs = [
        (Expected(name: "boxes", shape: [1, anchors, 4]), decoded.boxes),
        (Expected(name: "scores", shape: [1, anchors, classes]), decoded.scores),
      ]
    }
    var report: CheckONNX.Report?
    try PythonScript.withFolder { folder in
      let model = folder.appending(path: "model.onnx")
      try Data(
        exportONNX(
          graph: graph, weights: fixture.weights, grids: fixture.grids,
          options: ONNXOptions(hasRawHeads: raw, flavor: flavor))
      ).write(to: model)
      var file = try JSONEncoder().encode(
        Header(input: [1, 3, 64, 64], outputs: outputs.map(\.0)))
      file.append(UInt8(ascii: "\n"))
      file.append(
        CheckONNX.bytes(channelsFirst(ExportFixture.input(pixels), [64, 64, 3])))
      for (_, values) in outputs { file.append(CheckONNX.bytes(values)) }
      let reference = folder.appending(path: "reference")
      try file.write(to: reference)
      report = try CheckONNX.report([model.path, "--reference", reference.path] + flags)
    }
    return try #require(report)
  }

  /// Float on both sides: what differs is the order of sums of up to 2,304 products and the folding,
  /// over 23 layers; seen are up to 1e-5 of the largest value.
  @Test(arguments: [[], ["--disable-optimizations"]])
  func `a float model computes the heads`(flags: [String]) throws {
    for seed in [1, 2] as [UInt64] {
      let report = try Self.compare(.float, raw: true, seed: seed, flags)
      #expect(report.ok && report.reference?.count == 6)
      for (name, result) in report.reference ?? [:] {
        #expect(result.largest_value > 0.1, "\(name)")
        #expect(
          result.maximum_difference <= 1e-4 * max(1, result.largest_value), "\(name): \(result)")
      }
    }
  }

  @Test func `a float model decodes boxes and scores`() throws {
    let report = try Self.compare(.float, raw: false, seed: 1)
    let boxes = try #require(report.reference?["boxes"])
    let scores = try #require(report.reference?["scores"])
    // Boxes are in pixels, up to 64 and beyond.
    #expect(boxes.largest_value > 40 && boxes.maximum_difference <= 1e-4 * boxes.largest_value)
    #expect(scores.maximum_difference <= 1e-4)
    #expect(report.metadata["edgewise.task"] == "detect")
  }

  /// In a network whose sums are exact in Float in any order nothing may differ: not one integer of the
  /// heads after 23 layers of YOLOv8n, and not one bit where they are float.
  @Test(
    arguments: [Target.tensorrt, .portable], [[], ["--disable-optimizations"]])
  func `an exact network gives every bit`(target: Target, flags: [String]) throws {
    let fixture = ExportFixture(exactFor: target)
    for seed in [1, 2] as [UInt64] {
      let report = try Self.compare(fixture, raw: true, seed: seed, flags)
      #expect(report.reference?.count == 6)
      for (name, result) in report.reference ?? [:] {
        #expect(result.equal_share == 1, "\(name): \(result)")
        #expect(result.largest_value > 0.5)
        #expect((result.steps != nil) == (target == .portable))
      }
    }
  }

  /// With SiLU and any scales, a value is another integer only where two ways of summing put it on two
  /// sides of a tie: about one in 10,000, off by one step. Each of them moves a patch of the next
  /// layers, at 8 bits mostly by much less than a step; of 4 bits a step is a seventh of the range.
  @Test(arguments: [[], ["--disable-optimizations"]])
  func `a shallow network gives the integers of training`(flags: [String]) throws {
    for (bits, share) in [(8, 0.998), (4, 0.95)] {
      let fixture = ExportFixture(
        ExportFixture.shallow(), target: .portable, weightBits: bits, activationBits: bits)
      for seed in [1, 2, 3] as [UInt64] {
        let report = try Self.compare(fixture, raw: true, seed: seed, flags)
        #expect(report.reference?.count == 2)
        for (name, result) in report.reference ?? [:] {
          let steps = try #require(result.steps)
          #expect(steps.maximum <= 1, "\(bits) bits, \(name): \(steps)")
          #expect(steps.equal_share >= share, "\(bits) bits, \(name): \(steps)")
        }
      }
    }
  }

  /// YOLOv8n with random weights may pass every such difference on and widen it, so here only the size
  /// is bounded: by what quantization itself does to the outputs.
  @Test(arguments: [Target.tensorrt, .portable])
  func `a deep network stays within the error of quantization`(target: Target) throws {
    let fixture = target == .tensorrt ? ExportFixture.tensorrt : .portable
    for seed in [1, 2] as [UInt64] {
      let pixels = ExportFixture.picture(seed: seed)
      let quantized = fixture.evaluate(pixels)
      var evaluator = quantized.evaluator
      let float = evaluator.decode(evaluator.run(ExportFixture.input(pixels), .float))
      let decoded = evaluator.decode(quantized.values)
      let report = try Self.compare(fixture, raw: false, seed: seed)
      for (name, a, b) in [
        ("boxes", float.boxes, decoded.boxes), ("scores", float.scores, decoded.scores),
      ] {
        let error = zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(a.count)
        let result = try #require(report.reference?[name])
        #expect(result.mean_difference < error, "\(name): \(result)")
      }
    }
  }

  /// Written for onnxruntime, every layer and every part of SiLU is an integer kernel of it, with no
  /// option of the session. (Its sites stand where TFLite's do.)
  @Test func `the flavour for onnxruntime runs on integers`() throws {
    let fixture = ExportFixture.silu
    #expect(checkTarget(fixture.graph, target: .onnxruntime, grids: fixture.grids).isEmpty)
    let nodes = try Self.compare(fixture, raw: true, seed: 1, flavor: .onnxruntime).run_nodes
    #expect(nodes["QLinearConv"] == 63 && nodes["QLinearAdd"] == 6 && nodes["QLinearConcat"] == 13)
    #expect(nodes["QLinearSigmoid"] == 57 && nodes["QLinearMul"] == 57)
    // One of the picture, one per output: nothing between leaves the integers.
    #expect(nodes["QuantizeLinear"] == 1 && nodes["DequantizeLinear"] == 6, "\(nodes)")
  }

  /// What the checker says of onnxruntime, onnxruntime does: symmetric ReLU and SiLU without sites inside
  /// are float, and so is a ReLU6 whose grid goes beyond 6.
  @Test func `layers that the checker names run in float`() throws {
    for fixture in [ExportFixture.portableReLU, .portable, .relu6] {
      let findings = checkTarget(fixture.graph, target: .onnxruntime, grids: fixture.grids)
      #expect(findings.allSatisfy { $0.kind == .float } && !findings.isEmpty)
      let nodes = try Self.compare(fixture, raw: true, seed: 1, flavor: .onnxruntime).run_nodes
      let float = (nodes["Conv"] ?? 0) + (nodes["FusedConv"] ?? 0)
      #expect(float == findings.count, "\(nodes), \(findings.prefix(2))")
    }
  }

  /// One layer, so that nothing widens a difference: onnxruntime's integer kernels round to the nearest,
  /// as the simulation does, so only ties can differ, which rounded biases and scales fall off (seen:
  /// 0.03 %). A step before a SiLU may be three behind it, where the grid is finer.
  @Test(arguments: Activation.allCases)
  func `a layer on onnxruntime's integers is that of training`(activation: Activation) throws {
    let fixture = ExportFixture(ExportFixture.block(activation), target: .onnxruntime)
    let report = try Self.compare(fixture, raw: true, seed: 1, flavor: .onnxruntime)
    #expect(report.run_nodes["QLinearConv"] == 2, "\(report.run_nodes)")
    #expect(report.reference?.count == 2)
    for (name, result) in report.reference ?? [:] {
      let steps = try #require(result.steps)
      #expect(steps.maximum <= (activation == .silu ? 3 : 1), "\(name): \(steps)")
      #expect(steps.equal_share >= 0.999, "\(name): \(steps)")
    }
  }

  @Test func `a set of pictures goes through the model one by one`() throws {
    let fixture = ExportFixture.float
    try PythonScript.withFolder { folder in
      let model = folder.appending(path: "model.onnx")
      try Data(
        exportONNX(
          graph: fixture.graph, weights: fixture.weights, grids: [],
          options: ONNXOptions(hasDynamicBatch: true))
      ).write(to: model)
      let pictures = (1...3).map { ExportFixture.picture(seed: UInt64($0)) }
      let inputs = folder.appending(path: "inputs")
      try
        (Data(#"{"count": 3, "height": 64, "width": 64}"#.utf8) + [UInt8(ascii: "\n")]
        + pictures.reduce(into: Data()) { $0.append(contentsOf: $1) }).write(to: inputs)
      let outputs = folder.appending(path: "outputs")
      let result = try CheckONNX.run([
        "evaluate", model.path, "--inputs", inputs.path, "--outputs", outputs.path,
      ])
      try #require(result.status == 0, "\(result.error)")

      let file = try Data(contentsOf: outputs)
      let end = try #require(file.firstIndex(of: UInt8(ascii: "\n")))
      #expect(
        try JSONDecoder().decode([String: Int].self, from: file[..<end])
          == ["count": 3, "anchors": 84, "classes": 3])
      let numbers = Data(file[(end + 1)...]).withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
      try #require(numbers.count == 3 * 84 * 7)
      for (index, pixels) in pictures.enumerated() {
        let (evaluator, values) = fixture.evaluate(pixels)
        let expected = evaluator.decode(values)
        let got = numbers[index * 84 * 7..<(index + 1) * 84 * 7]
        // Logits of up to 100 agree to 4e-4; between two cells 15 apart of 32 pixels each that is up
        // to 4e-4/4·15·32 = 0.05 pixels, and in a score 4e-4/4.
        let bounds = expected.boxes.map { _ in 0.05 } + expected.scores.map { _ in 1e-4 }
        for ((a, b), bound) in zip(zip(expected.boxes + expected.scores, got), bounds) {
          #expect(abs(a - Double(b)) <= bound)
        }
      }

      // A file that ends early is refused in one sentence.
      try Data(contentsOf: inputs).dropLast().write(to: inputs)
      let short = try CheckONNX.run([
        "evaluate", model.path, "--inputs", inputs.path, "--outputs", outputs.path,
      ])
      #expect(short.status == 1)
      #expect(short.error.contains("ends after 12287 of 12288 numbers"))
      #expect(short.error.split(separator: "\n").count == 1)
    }
  }

  @Test func `a file that is no model is refused in one sentence`() throws {
    try PythonScript.withFolder { folder in
      let model = folder.appending(path: "junk.onnx")
      try Data("this is no model".utf8).write(to: model)
      let junk = try CheckONNX.run([model.path])
      #expect(junk.status == 1)
      #expect(junk.error.contains(model.path))
      let missing = try CheckONNX.run([folder.appending(path: "none.onnx").path])
      #expect(missing.status == 1 && missing.error.contains("No such file"))
      #expect(missing.error.split(separator: "\n").count == 1)
    }
  }
}
