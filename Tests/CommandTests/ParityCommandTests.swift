import Foundation
import Testing

@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct ParityCommandTests {
  /// The histogram of a document, and what every histogram must fulfil.
  private func histogram(_ pair: Any?, _ kind: String) throws -> (values: Int, equal: Int) {
    let object = try #require((pair as? [String: Any])?[kind] as? [String: Any])
    func number(_ key: String) throws -> Int { try #require(object[key] as? Int, "\(key)") }
    let counts = try ["equal", "one", "two", "more"].map(number)
    #expect(try number("values") == counts.reduce(0, +))
    return (try number("values"), counts[0])
  }

  @Test func `simulation and integer engine are compared at every site`() throws {
    let outcome = try Program.run(
      "parity", TinyRun.folder(), "--images", "2", "--json")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.split(separator: "\n").count == 1)
    let json = try outcome.json()
    #expect(json["target"] as? String == "tensorrt")
    #expect(json["arithmetic"] as? String == "float-epilogue")
    #expect(json["images"] as? Int == 2)
    let pair = try #require(json["fake_quantized"] as? [String: Any])
    let total = try histogram(pair, "operator")
    // Of the same inputs, only sums that fall on two sides of a tie differ.
    #expect(Double(total.equal) >= 0.999 * Double(total.values), "\(total)")
    #expect(try histogram(pair, "end_to_end").values == total.values)
    let sites = try #require(pair["sites"] as? [[String: Any]])
    #expect(sites.first?["site"] as? String == "image.quantized")
    #expect(try sites.reduce(0) { $0 + (try histogram($1, "operator").values) } == total.values)
    let scores = try #require(json["scores"] as? [[String: Any]])
    #expect(scores.compactMap { $0["name"] as? String } == ["fake-quantized", "integer engine"])
    #expect(scores.allSatisfy { $0["mAP50-95"] is Double })
    let text = try Program.run("parity", TinyRun.folder(), "--images", "1", "--sites")
    #expect(text.code == 0 && text.output.contains("image.quantized"))
    #expect(text.output.contains("end to end") && text.output.contains("integer engine"))
  }

  @Test func `evaluate computes in a target's arithmetic`() throws {
    let json = try Program.run(
      "evaluate", TinyRun.folder(), "--as", "int8", "--target", "tensorrt", "--json"
    ).json()
    #expect(json["as"] as? String == "int8" && json["target"] as? String == "tensorrt")
    #expect(json["arithmetic"] as? String == "float-epilogue")
    #expect(json["mAP50"] is Double)
    let alone = try Program.run("evaluate", TinyRun.folder(), "--target", "tensorrt")
    #expect(alone.code == 64 && alone.errors.contains("--as int8"))
  }

  @Test func `a target that cannot express a node is refused in one sentence`() throws {
    for command in [["parity"], ["evaluate", "--as", "int8"]] {
      let refused = try Program.run(
        command + ["--target", "tflite", try TinyRun.folder()])
      #expect(refused.code == 65 && refused.sentences.count == 1, "\(refused.errors)")
      #expect(refused.errors.contains("model.0.act") && refused.errors.contains("tflite"))
    }
    let unknown = try Program.run("parity", TinyRun.folder(), "--target", "abacus")
    #expect(unknown.code == 64)
  }

  @Test func `a checkpoint without ranges is refused in one sentence`() throws {
    let first = try #require(TinyRun.checkpoints().first)
    for command in [["parity"], ["evaluate", "--as", "int8", "--target", "onnxruntime"]] {
      let refused = try Program.run(command + [first])
      #expect(refused.code == 65 && refused.sentences.count == 1, "\(refused.errors)")
      #expect(refused.errors.contains("calibrat"))
    }
  }

  @Test func `a runtime's file must be of this model and these pictures`() throws {
    let folder = try Program.temporaryFolder()
    let run = try TinyRun.folder()
    let prepared = try Program.run("parity", run, "--images", "2", "--prepare", folder, "--json")
    #expect(prepared.code == 0, "\(prepared.errors)")
    #expect(try prepared.json()["images"] as? Int == 2)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(names == ["inputs", "model.onnx"])
    for (content, reason) in [
      ("junk", "first line"), (#"{"count": 2, "runtime": "r", "sites": [], "heads": []}"#, "sites"),
      (#"{"count": 9, "runtime": "r", "sites": [], "heads": []}"#, "9 pictures"),
    ] {
      let file = "\(folder)/outputs"
      try (content + "\n").write(toFile: file, atomically: true, encoding: .utf8)
      let refused = try Program.run("parity", run, "--images", "2", "--runtime-outputs", file)
      #expect(refused.code == 65 && refused.sentences.count == 1, "\(refused.errors)")
      #expect(refused.errors.contains(reason), "\(refused.errors)")
    }
    let missing = try Program.run("parity", run, "--runtime-outputs", "\(folder)/none")
    #expect(missing.code == 74 && missing.sentences.count == 1)
    let both = try Program.run("parity", run, "--prepare", folder, "--runtime-outputs", "x")
    #expect(both.code == 64)
  }

  @Test(
    .enabled(if: FileManager.default.isExecutableFile(atPath: "\(Program.root)/.venv/bin/python")))
  func `the script compares the exported model in onnxruntime`() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "\(Program.root)/scripts/parity")
    process.arguments = [try TinyRun.folder(), "--images", "2", "--json"]
    let file = try Program.temporaryFolder() + "/report"
    FileManager.default.createFile(atPath: file, contents: nil)
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: file)))
        as? [String: Any])
    #expect((json["runtime_name"] as? String)?.hasPrefix("onnxruntime") == true)
    let total = try histogram(json["runtime"], "operator")
    #expect(Double(total.equal) >= 0.999 * Double(total.values), "\(total)")
    #expect((json["scores"] as? [Any])?.count == 3)
  }
}
