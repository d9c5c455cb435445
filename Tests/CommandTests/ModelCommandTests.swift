import Foundation
import Testing

@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct ModelCommandTests {
  @Test func `evaluate scores the newest checkpoint as int8 and says what it did`() throws {
    let outcome = try Program.run("evaluate", TinyRun.folder(), "--json")
    #expect(outcome.code == 0 && outcome.output.split(separator: "\n").count == 1)
    let json = try outcome.json()
    for key in ["mAP50-95", "mAP50", "mAP75", "precision", "recall"] {
      let value = try #require(json[key] as? Double, "\(key)")
      #expect((-1...1).contains(value))
    }
    #expect(json["as"] as? String == "int8")
    #expect(json["step"] as? Int == 4)
    #expect(json["images"] as? Int == 4)
    let classes = try #require(json["classes"] as? [[String: Any]])
    #expect(classes.compactMap { $0["name"] as? String } == ["empty", "occupied"])
  }

  @Test func `a checkpoint of the float phase is evaluated in float, and not as int8`() throws {
    let first = try #require(TinyRun.checkpoints().first)
    let json = try Program.run("evaluate", first, "--json").json()
    #expect(json["as"] as? String == "float")
    let refused = try Program.run("evaluate", first, "--as", "int8")
    #expect(refused.code == 65 && refused.sentences.count == 1)
    #expect(refused.errors.contains("calibration"))
  }

  @Test func `a key that would change the model cannot be set`() throws {
    let refused = try Program.run("evaluate", TinyRun.folder(), "--set", "model.inputSize=96")
    #expect(refused.code == 64 && refused.sentences.count == 1)
    #expect(refused.errors.contains("model.inputSize"))
  }

  @Test func `the network's inputs are written raw behind a line of JSON`() throws {
    let file = try Program.temporaryFolder() + "/inputs"
    #expect(try Program.run("evaluate", TinyRun.folder(), "--dump-inputs", file).code == 0)
    let bytes = try #require(FileManager.default.contents(atPath: file))
    let end = try #require(bytes.firstIndex(of: 0x0A))
    let header = try JSONSerialization.jsonObject(with: bytes[..<end]) as? [String: Int]
    #expect(header == ["count": 4, "height": 64, "width": 64])
    #expect(bytes.count == end + 1 + 4 * 64 * 64 * 3)
  }

  @Test func `outputs of another program are scored, and must fit the pictures`() throws {
    let file = try Program.temporaryFolder() + "/outputs"
    var bytes = Data(#"{"count": 4, "anchors": 1, "classes": 2}"#.utf8 + [0x0A])
    for _ in 0..<4 { bytes.append(contentsOf: [UInt8](repeating: 0, count: 6 * 4)) }
    try bytes.write(to: URL(fileURLWithPath: file))
    let json = try Program.run("evaluate", TinyRun.folder(), "--onnx-outputs", file, "--json")
      .json()
    #expect(json["as"] as? String == "onnx")
    #expect(json["mAP50"] as? Double == 0)
    try bytes.dropLast().write(to: URL(fileURLWithPath: file))
    let cut = try Program.run("evaluate", TinyRun.folder(), "--onnx-outputs", file)
    #expect(cut.code == 65 && cut.sentences.count == 1)
  }

  @Test func `an export appears whole and is not written over`() throws {
    let file = try Program.temporaryFolder() + "/model.onnx"
    let first = try Program.run("export", TinyRun.folder(), "--output", file, "--json")
    #expect(first.code == 0)
    let size = try first.json()["bytes"] as? Int
    #expect(size == FileManager.default.contents(atPath: file)?.count)
    let second = try Program.run("export", TinyRun.folder(), "--output", file, "--as", "float")
    #expect(second.code == 64 && second.errors.contains("--force"))
    #expect(FileManager.default.contents(atPath: file)?.count == size)
    #expect(
      try Program.run("export", TinyRun.folder(), "--output", file, "--as", "float", "--force")
        .code == 0)
    #expect(
      try FileManager.default.contentsOfDirectory(
        atPath: URL(fileURLWithPath: file).deletingLastPathComponent().path) == ["model.onnx"])
  }

  @Test func `what a target cannot compute is named, node by node`() throws {
    let run = try TinyRun.folder()
    let fine = try Program.run("check-target", run, "--json")
    #expect(fine.code == 0, "\(fine.errors)")
    #expect(try fine.json()["exact"] as? Bool == true)
    #expect(try fine.json()["ran_on_device"] as? Bool == false)
    let tflite = try Program.run("check-target", run, "--target", "tflite", "--json")
    #expect(tflite.code == 1)
    let findings = try #require(try tflite.json()["findings"] as? [[String: String]])
    #expect(findings.contains { $0["node"] == "model.0.act" && $0["kind"] == "refused" })
    let text = try Program.run("check-target", run, "--target", "edgetpu")
    #expect(text.code == 1 && text.output.contains("model.0.act (refused): SiLU is LOGISTIC"))

    let file = try Program.temporaryFolder() + "/model.tflite"
    let refused = try Program.run("export", run, "--format", "tflite", "--output", file)
    #expect(refused.code == 65 && refused.sentences.count == 1)
    #expect(refused.errors.contains("the target tflite refuses node model.0.act"))
    let other = file + ".onnx"
    #expect(try Program.run("export", run, "--target", "edgetpu", "--output", other).code == 65)
    for name in [file, other] { #expect(FileManager.default.contents(atPath: name) == nil) }
  }

  @Test func `a float checkpoint is checked as the target would get it`() throws {
    let first = try #require(TinyRun.checkpoints().first)
    for target in ["tensorrt", "tflite", "edgetpu", "onnxruntime"] {
      let outcome = try Program.run("check-target", first, "--target", target)
      #expect(outcome.code == 0, "\(target): \(outcome.output)")
    }
  }

  @Test func `weights leave as safetensors, with the run's step and data`() throws {
    let file = try Program.temporaryFolder() + "/model.safetensors"
    let outcome = try Program.run(
      "export", TinyRun.folder(), "--format", "safetensors", "--output", file)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let bytes = try #require(FileManager.default.contents(atPath: file))
    let length = bytes[..<8].enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    let header = try #require(
      try JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: Any])
    let metadata = try #require(header["__metadata__"] as? [String: String])
    #expect(metadata["edgewise.step"] == "4" && metadata["edgewise.qat_epochs"] == "1")
    let data = try #require(metadata["edgewise.data_fingerprint"])
    #expect(data.hasPrefix("v2-") && data.count == 19)
  }

  @Test func `predict draws a folder's pictures in name order, with an overview`() throws {
    let run = try TinyRun.folder()
    let output = try Program.temporaryFolder() + "/drawn"
    let json = try Program.run(
      "predict", run, "\(run)/data/images/val", "--output", output, "--count", "3", "--score",
      "0.001", "--json"
    ).json()
    let pictures = try #require(json["pictures"] as? [[String: Any]])
    let paths = pictures.compactMap { $0["output"] as? String }
    #expect(paths.count == 3 && paths == paths.sorted())
    for path in paths + ["\(output)/overview.jpg"] {
      #expect(FileManager.default.contents(atPath: path)?.starts(with: [0xFF, 0xD8]) == true)
    }
    let overwriting = try Program.run(
      "predict", run, "\(run)/data/images/val", "--output", "\(run)/data/images/val")
    #expect(overwriting.code == 64 && overwriting.sentences.count == 1)
  }

  @Test func `calibrate gives a float checkpoint its ranges`() throws {
    let first = try #require(TinyRun.checkpoints().first)
    let data = try TinyRun.folder() + "/data"
    let output = try Program.temporaryFolder() + "/ptq"
    let outcome = try Program.run(
      "calibrate", first, "--output", output, "--images", "8", "--set", "data.root=\(data)",
      "--json")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let json = try Program.run(
      "evaluate", "\(output)/calibrated", "--set", "data.root=\(data)", "--json"
    ).json()
    #expect(json["as"] as? String == "int8")
  }

  @Test func `calibrate corrects what it is asked to, and says why it cannot equalize SiLU`() throws
  {
    let first = try #require(TinyRun.checkpoints().first)
    let data = try TinyRun.folder() + "/data"
    let output = try Program.temporaryFolder() + "/ptq"
    let common = ["calibrate", first, "--set", "data.root=\(data)"]
    let done = try Program.run(
      common + [
        "--output", output, "--adaround", "--reestimate-batch-norm", "--bias-correction",
        "--clip-weights", "--set", "quantization.calibration.adaroundSteps=20", "--json",
      ])
    #expect(done.code == 0, "\(done.errors)")
    let notes = try #require(try done.json()["notes"] as? [String])
    #expect(notes.contains { $0.hasPrefix("adaptive rounding:") && $0.contains("63 layers") })
    let refused = try Program.run(common + ["--output", output + "-other", "--equalize"])
    #expect(refused.code == 64 && refused.sentences.count == 1, "\(refused.errors)")
    #expect(refused.errors.contains("f(s·x) = s·f(x), and silu"))
  }

  @Test func `sensitivity ranks the parts, proposes bits and draws`() throws {
    let run = try TinyRun.folder()
    let plot = try Program.temporaryFolder() + "/bars.svg"
    let outcome = try Program.run(
      "sensitivity", run, "--budget-ratio", "0.75", "--images", "2", "--plot", plot, "--json")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let json = try outcome.json()
    let report = try #require(json["report"] as? [String: Any])
    let rows = try #require(report["rows"] as? [[String: Any]])
    let names = rows.compactMap { $0["name"] as? String }
    #expect(names.contains("image") && Set(names).count == rows.count && rows.count > 30)
    func decibels(_ row: [String: Any], _ key: String) -> Double? {
      (row[key] as? [String: Any])?["decibels"] as? Double
    }
    // A part alone disturbs less than everything together.
    let whole = try #require(decibels(report, "whole"))
    #expect(rows.count { decibels($0, "alone") ?? .infinity > whole } > rows.count * 9 / 10)
    let proposal = try #require(json["proposal"] as? [String: Any])
    let bytes = try #require(proposal["byteCount"] as? Int)
    let eight = try #require(proposal["byteCountAtEight"] as? Int)
    #expect(bytes <= eight * 3 / 4 && bytes > eight / 2)
    #expect((json["recipe"] as? String)?.contains(": w4") == true)
    let drawing = try String(contentsOfFile: plot, encoding: .utf8)
    #expect(drawing.hasPrefix("<svg") && drawing.contains("model.0.act"))

    let times = try Program.temporaryFolder() + "/ops.json"
    let layers = try #require(report["layers"] as? [[String: Any]]).compactMap {
      $0["name"] as? String
    }
    func write(_ names: [String], size: Int) throws {
      let rows = names.map { "{\"name\": \"\($0)\", \"forward_s\": 0.001}" }
      try "{\"size\": \(size), \"ops\": [\(rows.joined(separator: ", "))]}".write(
        toFile: times, atomically: true, encoding: .utf8)
    }
    try write(layers + ["a.norm"], size: 64)
    let timed = try Program.run(
      "sensitivity", run, "--budget-time", "0.8", "--times", times, "--images", "1", "--json")
    #expect(timed.code == 0, "\(timed.errors)")
    let mix = try #require(try timed.json()["proposal"] as? [String: Any])
    let seconds = try #require(mix["time"] as? [String: Any])
    #expect(seconds["unit"] as? String == "seconds")
    #expect(try #require(seconds["proposed"] as? Double) <= 0.8 * 0.001 * Double(layers.count + 1))

    let table = try Program.run("sensitivity", run, "--per", "layer", "--images", "1")
    #expect(table.code == 0 && table.output.contains("model.22.cv3.0.2"))
    for (arguments, code, word) in [
      ([run, "--plot", plot, "--images", "1"], 64, "--force"),
      ([run, "--budget-bytes", "5"], 64, "no mix of 8 and 4 bits"),
      ([run, "--budget-ratio", "0.5", "--budget-bytes", "5"], 64, "one of"),
      ([run, "--budget-time", "0.2"], 64, "0.5 of it is left"),
      ([run, "--times", times], 64, "--budget-time"),
      ([run, "--budget-time", "0.9", "--times", times + "-none"], 74, "cannot be read"),
      ([try #require(TinyRun.checkpoints().first)], 65, "calibrate"),
    ] as [([String], Int32, String)] {
      let refused = try Program.run(["sensitivity"] + arguments)
      #expect(refused.code == code && refused.errors.contains(word), "\(refused.errors)")
    }
  }

  @Test func `calibrate takes a method and bits, and refuses what does not go together`() throws {
    let first = try #require(TinyRun.checkpoints().first)
    let data = try TinyRun.folder() + "/data"
    let output = try Program.temporaryFolder() + "/ptq"
    let json = try Program.run(
      "calibrate", first, "--output", output, "--percentile", "0.999", "--set",
      "quantization.weightBits=4", "--set", "data.root=\(data)", "--json"
    ).json()
    #expect(json["method"] as? String == "percentile")
    #expect((json["notes"] as? [String])?.contains { $0.contains("8 pictures") } == true)
    let path = try #require(json["checkpoint"] as? String)
    let manifest = try #require(FileManager.default.contents(atPath: "\(path)/manifest.json"))
    let written = try JSONSerialization.jsonObject(with: manifest) as? [String: Any]
    let recipe = try #require(written?["recipe"] as? [String: Any])
    let quantization = try #require(recipe["quantization"] as? [String: Any])
    #expect(quantization["weightBits"] as? Int == 4)

    for (arguments, word) in [
      (["--method", "entropy", "--percentile", "0.9"], "percentile"),
      (["--method", "kl"], "movingAverage"),
      (["--percentile", "2"], "quantization.calibration.percentile"),
      (["--set", "optimizer.momentum=0.5"], "optimizer.momentum"),
    ] {
      let refused = try Program.run(
        ["calibrate", first, "--output", output + "-other"] + arguments)
      #expect(refused.code == 64, "\(arguments): \(refused.errors)")
      #expect(refused.errors.contains(word), "\(refused.errors)")
    }
  }
}
