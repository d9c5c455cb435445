public import ArgumentParser
import Checkpoints
import Datasets
import Detection
import Engine
import Foundation
import MessagePassing
import Parallel
import Quantization
import Reporting
import Training

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Scores a checkpoint on its validation images, or any COCO result file.",
    discussion: """
      Examples:
        edgewise evaluate runs/demo --json
        edgewise evaluate runs/demo/checkpoints/step-00001200 --as float --set data.root=/data/lot
        mpirun -n 2 edgewise evaluate runs/penn-fudan --as int8
        edgewise evaluate runs/lot --as int8 --target tflite
        edgewise evaluate runs/lot@best --save-detections results.json
        edgewise evaluate --ground-truth instances_val.json --detections results.json --json

      As COCO scores it, a place where several classes exceed evaluation.scoreThreshold gives a box of each; \
      `predict` draws the best class of a place alone.

      An exported model, run elsewhere (scripts/evaluate-onnx does all three steps):
        edgewise evaluate runs/demo --dump-inputs pictures.raw
        edgewise evaluate runs/demo --onnx-outputs outputs.raw --json
      """)

  @Argument(
    help:
      "A checkpoint's folder, a run's folder for its newest whole checkpoint, or RUN@best for its best scored one (quantized, where there is one).",
    completion: .directory)
  var checkpoint: String?

  @Option(
    name: .customLong("as"),
    help:
      "What to compute with: float, fake-quantized or int8. Default: int8 where the checkpoint has ranges, else float."
  )
  var arithmetic: Arithmetic?

  @Option(
    help:
      "With --as int8: compute on integers in the arithmetic of tensorrt, tflite, edgetpu, onnxruntime or portable."
  )
  var target: PlacementTarget?

  @Option(
    name: .customLong("set"),
    help: "Another value for a key of data, evaluation or system: key.path=value. Repeatable.")
  var overrides: [String] = []

  @Option(help: "A COCO annotation file.", completion: .file(extensions: ["json"]))
  var groundTruth: String?

  @Option(
    help: "A COCO result file, scored against --ground-truth.",
    completion: .file(extensions: ["json"]))
  var detections: String?

  @Option(
    help:
      "Write the boxes that are scored to this file, as a COCO result file in pixels of the images.",
    completion: .file(extensions: ["json"]))
  var saveDetections: String?

  @Flag(help: "Replace the file of --save-detections if it is there.")
  var force = false

  @Option(help: "Write the pictures, as the network sees them, to this file; nothing is scored.")
  var dumpInputs: String?

  @Option(help: "Score boxes and scores that another program computed from --dump-inputs.")
  var onnxOutputs: String?

  @Flag(help: "Print one JSON document.")
  var json = false

  func validate() throws {
    guard (groundTruth == nil) == (detections == nil) else {
      throw ValidationError("--ground-truth and --detections go together")
    }
    guard (checkpoint == nil) != (groundTruth == nil) else {
      throw ValidationError("give either a checkpoint or --ground-truth and --detections")
    }
    if groundTruth != nil,
      arithmetic != nil || !overrides.isEmpty || dumpInputs != nil || onnxOutputs != nil
        || saveDetections != nil
    {
      throw ValidationError("--ground-truth goes with --detections and --json alone")
    }
    if saveDetections != nil, dumpInputs != nil {
      throw ValidationError(
        "--dump-inputs scores nothing, so there is nothing for --save-detections")
    }
    if force, saveDetections == nil { throw ValidationError("--force goes with --save-detections") }
    if dumpInputs != nil, onnxOutputs != nil {
      throw ValidationError("--dump-inputs and --onnx-outputs are two steps; give one of them")
    }
    if target != nil, arithmetic != .int8 {
      throw ValidationError("--target goes with --as int8")
    }
    if arithmetic != nil, dumpInputs != nil || onnxOutputs != nil {
      throw ValidationError(
        "--as says what to compute with here; with --dump-inputs and --onnx-outputs nothing is")
    }
  }

  func run() throws {
    if let groundTruth, let detections {
      try endingAlone { try scoreFiles(truth: groundTruth, detections: detections) }
    } else if let checkpoint {
      let communicator = try startedCommunicator()
      try ending(communicator) { try score(checkpoint, communicator) }
    }
  }

  private func scoreFiles(truth: String, detections: String) throws {
    let groundTruth = try COCOGroundTruth(contentsOf: URL(fileURLWithPath: truth))
    let metrics = try Detection.evaluate(
      COCODetections(contentsOf: URL(fileURLWithPath: detections)), against: groundTruth)
    var warnings: [String] = []
    if let index = groundTruth.annotations.firstIndex(where: { $0.id == 0 }) {
      warnings.append(
        "\(truth): annotations[\(index)] has the id 0, so that pycocotools, and edgewise as it does, never counts its box as found; give it another id"
      )
    }
    if groundTruth.annotations.allSatisfy(\.isCrowd) {
      warnings.append("\(truth) holds no box to be found: nothing can be scored")
    }
    for warning in warnings { complain(warning) }
    if json {
      var values = metrics.cocoValues
      values["warnings"] = .array(warnings.map { .string($0) })
      printJSON(.object(values))
    } else {
      print(metrics.text)
    }
  }

  private func score(_ path: String, _ communicator: Communicator) throws {
    if let saveDetections {
      try communicator.together(exitCode: Training.exitCode) {
        guard communicator.rank == 0, !force,
          FileManager.default.fileExists(atPath: saveDetections)
        else { return }
        throw FailureReport(
          message:
            "\(saveDetections) is there already and was left as it is; add --force to replace it",
          exitCode: 64, rank: 0)
      }
    }
    let reader = try openCheckpoint(path, communicator: communicator)
    let model = try communicator.together(exitCode: Training.exitCode) {
      var model = try DeployedModel(checkpoint: reader)
      try model.apply(overrides: overrides)
      return model
    }
    let recipe = model.recipe
    setComputeThreadCount(recipe.system.threads)
    let data = try recipe.loadValidation(
      runFolder: runFolder(ofCheckpoint: reader.path), communicator: communicator)
    guard data.classNames == model.classNames else {
      throw FailureReport(
        message:
          "the validation pictures have the classes \(data.classNames), the checkpoint \(model.classNames); give the data it was trained for with --set data.root=PATH",
        exitCode: 65, rank: 0)
    }
    let pictures = PictureCache(
      samples: data.samples, size: recipe.model.inputSize, byteBudget: 0)
    if let dumpInputs {
      try communicator.together(exitCode: Training.exitCode) {
        guard communicator.rank == 0 else { return }
        try writeNetworkInputs(pictures, to: dumpInputs)
      }
      return
    }
    let found: [[DetectedBox]]
    let label: String
    if let onnxOutputs {
      label = "onnx"
      found = try communicator.together(exitCode: Training.exitCode) {
        try readNetworkOutputs(
          onnxOutputs, pictures, classCount: model.classNames.count,
          filter: recipe.evaluation.filter)
      }
    } else {
      let arithmetic = arithmetic ?? model.usualArithmetic
      label = arithmetic.rawValue
      let plan: any ForwardPlan = try communicator.together(exitCode: Training.exitCode) {
        guard let target else { return try model.plan(arithmetic, batchSize: 4) }
        try model.requireTarget(target)
        return try model.integerPlan(target.arithmetic, batchSize: 1)
      }
      found = try detect(
        plan, pictures, filter: recipe.evaluation.filter, communicator: communicator,
        loaderThreads: recipe.system.loaderThreads)
    }
    if let saveDetections {
      try communicator.together(exitCode: Training.exitCode) {
        guard communicator.rank == 0 else { return }
        try writeWhole(
          SavedDetections(found, of: data).bytes, to: saveDetections, isReplacing: force)
      }
    }
    guard communicator.rank == 0 else { return }
    let metrics = Training.metrics(of: found, samples: data.samples, classNames: model.classNames)
    if metrics.AP < 0 {
      complain("the validation images hold no boxes: nothing can be scored")
    }
    if json {
      var values = metrics.trainingValues
      values["as"] = .string(label)
      if let target {
        values["target"] = .string(target.rawValue)
        values["arithmetic"] = .string(target.arithmetic.rawValue)
      }
      let filter = recipe.evaluation.filter
      values["multi_label"] = .bool(filter.isMultiLabel)
      values["score_threshold"] = .number(recipe.evaluation.scoreThreshold)
      values["iou_threshold"] = .number(recipe.evaluation.iouThreshold)
      if let saveDetections { values["detections"] = .string(saveDetections) }
      values["step"] = .integer(model.step)
      values["images"] = .integer(data.samples.count)
      values["checkpoint"] = .string(model.path)
      printJSON(.object(values))
    } else {
      print(
        "\(model.path), step \(model.step), as \(label)\(target.map { " of \($0.rawValue)" } ?? ""), \(data.samples.count) images"
      )
      print(metrics.text)
    }
  }
}

extension Arithmetic: ExpressibleByArgument {}
