import Checkpoints
import Foundation
import Tensors
import Testing

/// Post-training quantization on the program itself, under a real `mpirun`.
@Suite(.serialized, .enabled(if: Program.isBuilt, "build the program first: make build"))
struct CalibrationTests {
  /// A float checkpoint and what a calibration of it left.
  private struct Case {
    let small: SmallRun
    let float: String

    init() throws {
      small = try SmallRun()
      let outcome = try Program.run(
        small.arguments(
          "float", ["--set", "schedule.floatEpochs=1", "--set", "schedule.qatEpochs=0"]))
      #expect(outcome.exitCode == 0, "\(outcome.errors)")
      let name = try #require(try small.checkpoints("float").last)
      float = small.run("float").appending(path: "checkpoints/\(name)").path
    }

    func calibrate(_ name: String, _ more: [String], ranks: Int? = nil) throws -> Program.Outcome {
      try Program.run(
        ["calibrate", float, "--output", small.run(name).path] + more, ranks: ranks)
    }

    func tensors(_ name: String) throws -> Data {
      let path = "\(name)/calibrated"
      let checkpoint = try #require(try small.checkpoints(path).first)
      return try small.tensors(path, checkpoint)
    }
  }

  /// I4, and I1 for everything that follows from ranges.
  @Test func `every method gives one, two and three ranks the same bits`() throws {
    let tested = try Case()
    defer { tested.small.remove() }
    var seen: [String: Data] = [:]
    for method in ["movingAverage", "minMax", "percentile", "entropy", "squaredError"] {
      for ranks in 1...3 {
        let name = "\(method)-\(ranks)"
        let outcome = try tested.calibrate(name, ["--method", method], ranks: ranks)
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        let tensors = try tested.tensors(name)
        if let first = seen[method] {
          #expect(tensors == first, "\(method) on \(ranks) ranks")
        } else {
          seen[method] = tensors
        }
      }
    }
    // Methods that all chose the same would agree with themselves too.
    #expect(Set(seen.values).count == 5)
  }

  @Test func `corrections layer by layer give one, two and three ranks the same bits`() throws {
    let tested = try Case()
    defer { tested.small.remove() }
    var seen: [[String]: Data] = [:]
    let plain = ["--set", "quantization.weightBits=4"]
    let corrections = [
      [], ["--clip-weights"], ["--bias-correction"], ["--reestimate-batch-norm"],
      ["--adaround", "--bias-correction", "--set", "quantization.calibration.adaroundSteps=60"],
    ]
    for correction in corrections {
      for ranks in 1...3 {
        let name = "\(correction.first ?? "plain")-\(ranks)"
        let outcome = try tested.calibrate(name, plain + correction, ranks: ranks)
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        let tensors = try tested.tensors(name)
        if let first = seen[correction] {
          #expect(tensors == first, "\(correction) on \(ranks) ranks")
        } else {
          seen[correction] = tensors
        }
      }
    }
    #expect(Set(seen.values).count == corrections.count)
  }

  @Test func `sensitivity is the same text on one, two and three ranks`() throws {
    let tested = try Case()
    defer { tested.small.remove() }
    #expect(try tested.calibrate("ptq", []).exitCode == 0)
    let path = tested.small.run("ptq/calibrated").path
    var texts: Set<String> = []
    for ranks in 1...3 {
      let outcome = try Program.run(
        ["sensitivity", path, "--by", "map", "--images", "3", "--budget-ratio", "0.8", "--json"],
        ranks: ranks)
      #expect(outcome.exitCode == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("model.2.cv1"))
      texts.insert(outcome.output)
    }
    #expect(texts.count == 1)
  }

  @Test func `a weight that is not a number is named`() throws {
    let tested = try Case()
    defer { tested.small.remove() }
    var contents = try CheckpointReader(path: tested.float).readAll()
    for index in contents.tensors.indices
    where contents.tensors[index].name == "model.2.cv1.conv.weight"
      && contents.tensors[index].role == .ema
    {
      contents.tensors[index].tensor.withMutableElements(as: Float.self) { $0[32 * 5] = .nan }
    }
    let folder = tested.small.run("damaged").path
    let path = try CheckpointWriter(runFolder: folder).write(contents).path
    let outcome = try Program.run(
      ["calibrate", path, "--output", tested.small.run("out").path], ranks: 2)
    #expect(outcome.exitCode == 65 && outcome.sentences.count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("ema tensor model.2.cv1.conv.weight is not finite in 1 of 1024 numbers"))
  }

  /// NaN, an observer that saw nothing, a range of nothing, a learned scale of 0: whatever a checkpoint holds,
  /// no file is written, and the site or the weight is named.
  @Test func `scales that are none are named and never exported`() throws {
    let tested = try Case()
    defer { tested.small.remove() }
    let learned = ["--set", "quantization.weightScales=lsq"]
    #expect(try tested.calibrate("ptq", learned).exitCode == 0)
    let checkpoint = try #require(try tested.small.checkpoints("ptq/calibrated").first)
    let path = tested.small.run("ptq/calibrated").appending(path: "checkpoints/\(checkpoint)").path
    let whole = try CheckpointReader(path: path).readAll()
    let cases: [(tensor: String, values: [Float], sentence: String)] = [
      ("model.2.cv1.act", [.nan, 1, 3], "site model.2.cv1.act is nan ... 1.0 after 3.0 batches"),
      ("model.2.cv1.act", [0, 1, 0], "after 0.0 batches, expected"),
      ("model.2.cv1.act", [0, 0, 3], "site model.2.cv1.act covers nothing but 0"),
      ("model.2.cv1.conv.weight.scale", [0], "model.2.cv1.conv.weight.scale holds"),
    ]
    for (index, wrong) in cases.enumerated() {
      var contents = whole
      for i in contents.tensors.indices where contents.tensors[i].name == wrong.tensor {
        contents.tensors[i].tensor.withMutableElements(as: Float.self) { numbers in
          for (place, value) in wrong.values.enumerated() { numbers[place] = value }
        }
      }
      let folder = tested.small.run("wrong-\(index)").path
      let damaged = try CheckpointWriter(runFolder: folder).write(contents).path
      for format in ["onnx", "safetensors"] {
        let file = "\(folder)/model.\(format)"
        let outcome = try Program.run(
          ["export", damaged, "--format", format, "--output", file])
        #expect(outcome.exitCode == 65 && outcome.sentences.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(wrong.sentence), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: file))
      }
    }
  }

  @Test func `pictures that show nothing are refused`() throws {
    let tested = try Case()
    defer { tested.small.remove() }
    let data = tested.small.folder.appending(path: "gray")
    try FileManager.default.copyItem(at: tested.small.folder.appending(path: "data"), to: data)
    let pictures = data.appending(path: "images/train")
    // 32 × 32 pixels of one gray.
    let gray = try #require(
      Data(
        base64Encoded:
          "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAAAAABWESUoAAAAFklEQVR42mOIIgAYRhWMKhhVMFIVAACvmmgQKtRHEgAAAABJRU5ErkJggg=="
      ))
    for name in try FileManager.default.contentsOfDirectory(atPath: pictures.path) {
      try gray.write(to: pictures.appending(path: name))
    }
    // A run that reads what is there, rather than draw it.
    let short = ["--set", "schedule.floatEpochs=1", "--set", "schedule.qatEpochs=0"]
    let trained = try Program.run(
      tested.small.arguments("read", short + ["--set", "data.format=yolo"]))
    #expect(trained.exitCode == 0, "\(trained.errors)")
    let name = try #require(try tested.small.checkpoints("read").last)
    let outcome = try Program.run(
      [
        "calibrate", tested.small.run("read").appending(path: "checkpoints/\(name)").path,
        "--output", tested.small.run("out").path, "--set", "data.root=\(data.path)",
      ], ranks: 2)
    #expect(outcome.exitCode == 65 && outcome.sentences.count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("of one colour each"))
  }
}
