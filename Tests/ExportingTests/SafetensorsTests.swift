import Exporting
import Foundation
import Graphs
import Quantization
import Tensors
import Testing

/// A safetensors file read back by the format's own words.
struct ParsedSafetensors {
  struct Entry: Decodable {
    var dtype: String
    var shape: [Int]
    var data_offsets: [Int]
  }

  var metadata: [String: String] = [:]
  var entries: [String: Entry] = [:]
  let body: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) throws {
    let length = bytes[..<8].enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    #expect(length % 8 == 0)
    let header = Data(bytes[8..<8 + length])
    body = bytes[(8 + length)...]
    let object = try #require(
      try JSONSerialization.jsonObject(with: header) as? [String: [String: Any]])
    for (name, value) in object {
      if name == "__metadata__" {
        metadata = try #require(value as? [String: String])
      } else {
        entries[name] = try JSONDecoder().decode(
          Entry.self, from: JSONSerialization.data(withJSONObject: value))
      }
    }
  }

  private func slice(_ name: String, _ dtype: String) throws -> Data {
    let entry = try #require(entries[name], "\(name)")
    #expect(entry.dtype == dtype)
    let start = body.startIndex
    return Data(body[start + entry.data_offsets[0]..<start + entry.data_offsets[1]])
  }

  func floats(_ name: String) throws -> [Float] {
    try slice(name, "F32").withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  }

  func int8s(_ name: String) throws -> [Int8] {
    try slice(name, "I8").map { Int8(bitPattern: $0) }
  }
}

@Suite struct SafetensorsTests {
  @Test func `a quantized network is its integers, scales, biases and grids`() throws {
    let f = ExportFixture.silu
    let bytes = try exportSafetensors(
      graph: f.graph, weights: f.weights, grids: f.grids, metadata: ["step": "7"])
    let parsed = try ParsedSafetensors(bytes)
    let network = try f.tflite()
    var layers = 0
    for node in f.graph.nodes {
      guard case .convolution(let O, _, _, _, _, _) = node.operation else { continue }
      layers += 1
      let name = f.graph.parameters[node.parameters[0]].name
      #expect(parsed.entries[name]?.shape == f.graph.parameters[node.parameters[0]].shape.extents)
      let integers = try parsed.int8s(name)
      let scales = try parsed.floats("\(name).scale")
      #expect(scales.count == O && integers.allSatisfy { $0 >= -127 })
      // The same integers and scales as another format has them, in another order.
      let other = try #require(network.tensors.first { $0.name == name })
      #expect(other.quantization?.scales == scales)
      #expect(other.int8s.sorted() == integers.sorted())
    }
    #expect(layers == 63)
    for (site, grid) in zip(f.graph.sites, f.grids) {
      #expect(try parsed.floats("\(site.name).site.scale") == [grid.scale])
      #expect(parsed.entries["\(site.name).site.zero_point"]?.shape == [])
    }
    #expect(
      !parsed.entries.keys.contains {
        $0.contains(".bn.") && !$0.contains(".site.") && !$0.hasSuffix("bias")
      })
    #expect(parsed.metadata["edgewise.step"] == "7")
    #expect(parsed.metadata["edgewise.graph"]?.hasPrefix("graph yolov8n") == true)
    // The parts cover the body without gaps, wide elements on their own multiples.
    let parts = parsed.entries.values.sorted { $0.data_offsets[0] < $1.data_offsets[0] }
    #expect(parts.first?.data_offsets[0] == 0)
    #expect(parts.last?.data_offsets[1] == parsed.body.count)
    for (a, b) in zip(parts, parts.dropFirst()) { #expect(a.data_offsets[1] == b.data_offsets[0]) }
    for part in parts where part.dtype != "I8" { #expect(part.data_offsets[0] % 4 == 0) }
  }

  @Test func `a float network is every parameter, bit for bit`() throws {
    let f = ExportFixture.float
    let parsed = try ParsedSafetensors(
      exportSafetensors(graph: f.graph, weights: f.weights, grids: []))
    #expect(parsed.entries.count == f.graph.parameters.count)
    for parameter in f.graph.parameters {
      #expect(
        try parsed.floats(parameter.name) == f.weights[parameter.name]!.values(as: Float.self))
    }
  }

  @Test(
    .enabled(
      if: PythonScript(name: "", packages: "safetensors").isReady,
      "needs a Python with safetensors: run scripts/check-python"))
  func `the format's own reader takes it`() throws {
    let f = ExportFixture.relu6
    let reader = PythonScript(name: "check_safetensors.py", packages: "safetensors")
    try PythonScript.withFolder { folder in
      let path = folder.appending(path: "model.safetensors")
      let bytes = try exportSafetensors(graph: f.graph, weights: f.weights, grids: f.grids)
      try Data(bytes).write(to: path)
      let outcome = try reader.run([path.path])
      #expect(outcome.status == 0, "\(outcome.error)")
      struct Report: Decodable {
        var tensors: Int
        var types: [String: Int]
        var metadata: [String: String]
      }
      let report = try JSONDecoder().decode(Report.self, from: outcome.output)
      #expect(report.types["int8"] == 63)
      #expect(report.metadata["edgewise.producer"] == "edgewise")
      try Data(bytes.dropLast()).write(to: path)
      let cut = try reader.run([path.path])
      #expect(cut.status == 1 && cut.error.split(separator: "\n").count == 1)
    }
  }
}
