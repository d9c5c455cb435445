import Exporting
import Foundation
import Graphs
import Quantization
import Testing

@Suite struct ONNXMetadataTests {
  static func metadata(_ fixture: ExportFixture, _ extra: [String: String] = [:]) throws -> [(
    String, String
  )] {
    let bytes = try exportONNX(
      graph: fixture.graph, weights: fixture.weights, grids: fixture.grids, metadata: extra)
    return try parseONNX(bytes).metadataProps.map { ($0.key, $0.value) }
  }

  @Test func `the file says how it is used`() throws {
    let entries = try Self.metadata(.tensorrt, ["step": "1200", "target": "tensorrt"])
    #expect(entries.map(\.0) == entries.map(\.0).sorted())
    let values = Dictionary(uniqueKeysWithValues: entries)
    let expected = [
      "producer": "edgewise", "task": "detect", "step": "1200", "target": "tensorrt",
      "classes": #"["car", "free \"bay\"", "tram"]"#, "strides": "[8, 16, 32]",
      "input_size": "[64, 64]", "input_layout": "[N, 3, H, W]", "input_type": "float32",
      "input_range": "[0, 1]", "input_divisor": "255", "color_order": "RGB",
      "letterbox_value": "114", "letterbox_position": "center", "letterbox_rounding": "nearest",
      "interpolation": "bilinear", "antialias": "true", "box_format": "xyxy",
      "box_unit": "input pixels", "sigmoid_applied": "true", "nms_applied": "false",
      "quantization": "int8", "weight_bits": "[8]", "activation_bits": "[8]",
    ]
    for (key, value) in expected { #expect(values["edgewise.\(key)"] == value, "\(key)") }
  }

  /// Tools that read the bare names expect other outputs behind them.
  @Test func `no name is one that another tool reads`() throws {
    let f = ExportFixture.tensorrt
    let entries = try Self.metadata(f, ["step": "1"])
    #expect(entries.allSatisfy { $0.0.hasPrefix("edgewise.") })
    let file = try ParsedSafetensors(
      exportSafetensors(graph: f.graph, weights: f.weights, grids: f.grids))
    #expect(!file.metadata.isEmpty && file.metadata.keys.allSatisfy { $0.hasPrefix("edgewise.") })
    let tflite = try ExportFixture.relu6.tflite()
    #expect(tflite.metadata.map(\.name) == ["edgewise"])
  }

  @Test func `raw heads say that nothing is decoded`() throws {
    let f = ExportFixture.float
    let bytes = try exportONNX(
      graph: f.graph, weights: f.weights, grids: f.grids,
      options: ONNXOptions(hasRawHeads: true))
    let values = Dictionary(
      uniqueKeysWithValues: try parseONNX(bytes).metadataProps.map { ($0.key, $0.value) })
    #expect(values["edgewise.box_format"] == "ltrb distribution")
    #expect(values["edgewise.sigmoid_applied"] == "false")
    #expect(values["edgewise.box_bins"] == "16")
  }

  @Test func `class names survive as JSON, whatever is in them`() throws {
    let names = ["a\"b", "back\\slash", "two\nlines", "tab\t", "Auto 🚗", "nul\u{1}"]
    var fixture = ExportFixture.float
    fixture.graph.head!.classNames = Array(names.prefix(3))
    for part in [Array(names.prefix(3)), Array(names.suffix(3))] {
      fixture.graph.head!.classNames = part
      let values = Dictionary(uniqueKeysWithValues: try Self.metadata(fixture))
      let json = try #require(values["edgewise.classes"])
      #expect(try JSONDecoder().decode([String].self, from: Data(json.utf8)) == part)
    }
  }

  @Test func `a float model says that nothing is quantized, and entries can be replaced`() throws {
    let values = Dictionary(
      uniqueKeysWithValues: try Self.metadata(.float, ["interpolation": "nearest"]))
    #expect(values["edgewise.quantization"] == "none")
    #expect(values["edgewise.interpolation"] == "nearest")
  }
}
