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
    #expect(values["task"] == "detect")
    #expect(values["producer"] == "edgewise")
    #expect(values["stride"] == "32")
    #expect(values["input_size"] == "[64, 64]")
    #expect(values["imgsz"] == "[64, 64]")
    #expect(values["step"] == "1200")
    #expect(values["target"] == "tensorrt")
    #expect(values["preprocessing"]?.contains("divided by 255") == true)
    #expect(values["quantization"]?.contains("weights int8 per output channel") == true)
    #expect(values["names"] == #"{0: "car", 1: "free \"bay\"", 2: "tram"}"#)
  }

  @Test func `class names survive as JSON, whatever is in them`() throws {
    let names = ["a\"b", "back\\slash", "two\nlines", "tab\t", "Auto 🚗", "nul\u{1}"]
    var fixture = ExportFixture.float
    fixture.graph.head!.classNames = Array(names.prefix(3))
    for part in [Array(names.prefix(3)), Array(names.suffix(3))] {
      fixture.graph.head!.classNames = part
      let values = Dictionary(uniqueKeysWithValues: try Self.metadata(fixture))
      let json = try #require(values["classes"])
      #expect(try JSONDecoder().decode([String].self, from: Data(json.utf8)) == part)
    }
  }

  @Test func `a float model says that nothing is quantized, and entries can be replaced`() throws {
    let values = Dictionary(
      uniqueKeysWithValues: try Self.metadata(.float, ["preprocessing": "none"]))
    #expect(values["quantization"] == "none")
    #expect(values["preprocessing"] == "none")
  }
}
