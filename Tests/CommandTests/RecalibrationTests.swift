import Foundation
import Testing

/// Another target, other bits, another calibration from a run that is finished, up to the exported file.
@Suite(.enabled(if: Program.isBuilt, Comment(rawValue: Program.notBuilt)))
struct RecalibrationTests {
  private let data: [String]

  init() throws { data = ["--set", "data.root=\(try TinyRun.folder())/data"] }

  @Test(arguments: [
    (["--target", "tflite"], "tflite", "tflite"),
    (["--set", "quantization.target=tflite"], "tflite", "tflite"),
    (["--target", "edgetpu"], "tflite", "edgetpu"),
    (["--target", "onnxruntime"], "onnx", "onnxruntime"),
    (["--weight-bits", "4"], "onnx", "tensorrt"),
    (["--method", "minMax"], "onnx", "tensorrt"),
  ])
  func `a finished run is calibrated anew, evaluated and exported`(
    choice: [String], format: String, target: String
  ) throws {
    let output = try Program.temporaryFolder() + "/ptq"
    let run = try TinyRun.folder()
    let made = try Program.run(
      ["calibrate", run, "--output", output, "--json"] + choice + data)
    #expect(made.code == 0, "\(made.errors)")
    let json = try made.json()
    #expect(json["target"] as? String == target)
    // The float checkpoint of the step that the run itself was calibrated at.
    #expect((json["source"] as? String)?.hasSuffix("run/checkpoints/step-00000002") == true)
    #expect(
      (json["notes"] as? [String])?.contains { $0.contains("is from after calibration") } == true)
    let scored = try Program.run(["evaluate", output, "--json"] + data)
    #expect(scored.code == 0, "\(scored.errors)")
    #expect(try scored.json()["as"] as? String == "int8")
    let file = "\(output)/model.\(format)"
    let exported = try Program.run(
      "export", output, "--format", format, "--output", file, "--json")
    #expect(exported.code == 0, "\(exported.errors)")
    #expect(try exported.json()["target"] as? String == target)
    #expect(FileManager.default.fileExists(atPath: file))
  }

  @Test func `the calibrated checkpoint serves where the float phase is gone`() throws {
    let folder = try Program.temporaryFolder()
    let run = "\(folder)/run"
    try FileManager.default.copyItem(atPath: try TinyRun.folder(), toPath: run)
    for step in ["step-00000000", "step-00000002"] {
      try FileManager.default.removeItem(atPath: "\(run)/checkpoints/\(step)")
    }
    let common = ["calibrate", run, "--target", "onnxruntime", "--json"] + data
    let made = try Program.run(common + ["--output", "\(folder)/a"])
    #expect(made.code == 0, "\(made.errors)")
    #expect((try made.json()["source"] as? String)?.contains("run/calibrated") == true)
    // The same bits as from the float checkpoint: nothing had changed the weights.
    let direct = try Program.run(
      [
        "calibrate", try #require(TinyRun.checkpoints().dropFirst().first), "--target",
        "onnxruntime",
        "--output", "\(folder)/b",
      ] + data)
    #expect(direct.code == 0, "\(direct.errors)")
    let diff = try Program.run("checkpoint", "diff", "\(folder)/a", "\(folder)/b", "--json").json()
    let differing = try #require(diff["tensors"] as? [[String: Any]])
    #expect(differing.allSatisfy { ["momentum", "second_moment"].contains($0["role"] as? String) })
    try FileManager.default.removeItem(atPath: "\(run)/calibrated")
    let none = try Program.run(common + ["--output", "\(folder)/c"])
    #expect(none.code == 65 && none.sentences.count == 1, "\(none.errors)")
    #expect(none.errors.contains("give a checkpoint of the float phase"))
  }

  @Test func `an output that holds another calibration is left as it is`() throws {
    let output = try Program.temporaryFolder() + "/ptq"
    let checkpoints = try TinyRun.checkpoints()
    func calibrate(_ path: String, _ more: String...) throws -> Program.Outcome {
      try Program.run(["calibrate", path, "--output", output] + more + data)
    }
    #expect(try calibrate(checkpoints[1]).code == 0)
    for refused in [
      try calibrate(checkpoints[0]), try calibrate(checkpoints[1], "--target", "tflite"),
    ] {
      #expect(refused.code == 64 && refused.sentences.count == 1, "\(refused.errors)")
    }
    let left = try FileManager.default.contentsOfDirectory(
      atPath: "\(output)/calibrated/checkpoints")
    #expect(left == ["step-00000002"])
  }

  @Test func `export for a target that the run was not made for names the command that helps`()
    throws
  {
    let file = try Program.temporaryFolder() + "/model.tflite"
    let refused = try Program.run(
      "export", TinyRun.folder(), "--format", "tflite", "--output", file)
    #expect(refused.code == 65 && refused.sentences.count == 1)
    #expect(
      refused.errors.contains("edgewise calibrate") && refused.errors.contains("--target tflite"))
    #expect(!FileManager.default.fileExists(atPath: file))
  }
}
