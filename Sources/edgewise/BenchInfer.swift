import ArgumentParser
import Benchmarks
import Checkpoints
import Engine
import Reporting
import Training

struct BenchInfer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "infer",
    abstract: "Times the finished model on pictures in memory.",
    discussion: """
      Examples:
        edgewise bench infer --mode int8 --size 320 --json
        edgewise bench infer --run runs/demo --mode float

      Milliseconds are per picture: from 8-bit pixels to the head's outputs, and with detections also \
      until boxes are decoded and freed from overlaps. Without --run the weights are random; ranges \
      then come from a pass of noise, whose memory peak_MiB includes.
      """)

  enum Mode: String, ExpressibleByArgument, CaseIterable {
    case float, int8

    var arithmetic: Arithmetic { self == .float ? .float : .int8 }
  }

  @Option(
    name: [.customLong("run"), .customLong("checkpoint")],
    help: "A checkpoint's folder, or a run's folder for its newest; decides model and size.",
    completion: .directory)
  var checkpoint: String?

  @Option(help: "yolov8n, yolov8s, yolov8m, yolov8l or yolov8x.")
  var model: Recipe.Model.Architecture?

  @Option(help: "Side of the square input in pixels, a multiple of 32.")
  var size: Int?

  @Option(help: "Classes of the detector.")
  var classes: Int?

  @Option(help: "float, or int8 as it is deployed.")
  var mode = Mode.float

  @Option(help: "Pictures computed together.")
  var batch = 1

  @Option(help: "Passes to time, after some to warm up.")
  var count = 100

  @Option(help: "Compute threads.")
  var threads = 1

  @Flag(help: "Print one JSON document on one line.")
  var json = false

  func validate() throws {
    if checkpoint != nil, model != nil || size != nil || classes != nil {
      throw ValidationError("--run decides model, size and classes; leave these options out")
    }
    if let size, size < 32 || size > 4096 || size % 32 != 0 {
      throw ValidationError("--size must be a multiple of 32 from 32 to 4096")
    }
    for (name, value) in [
      ("batch", batch), ("count", count), ("threads", threads), ("classes", classes ?? 1),
    ] where value < 1 || value > 65_536 {
      throw ValidationError("--\(name) must be a whole number from 1 to 65536")
    }
  }

  func run() throws {
    try endingAlone {
      setComputeThreadCount(threads)
      let deployed = try deployedModel()
      let plan = try deployed.plan(mode.arithmetic, batchSize: batch)
      let result = InferenceBenchmark(plan, count: count)
      let perPicture = 1000 / Double(batch)
      let peak = Double(peakMemoryByteCount()) / mebibyte
      let architecture = deployed.recipe.model.architecture.rawValue
      let side = deployed.recipe.model.inputSize
      let compute = ComputeDescription.current
      guard json else {
        print(
          """
          \(architecture), \(mode.rawValue), \(side) pixels, \(batch) at a time, \(threads) \
          thread\(threads == 1 ? "" : "s"); \(compute.library), \(compute.instructionSet)
          \(fixed(perPicture * result.forward.median, 2)) ms a picture (median), \
          \(fixed(perPicture * result.forward.minimum, 2)) ms at best; with detections \
          \(fixed(perPicture * result.detection.median, 2)) ms
          memory: \(fixed(peak, 1)) MiB at most, \
          \(fixed(Double(result.planByteCount) / mebibyte, 1)) MiB of it the plan
          """)
        return
      }
      printJSON([
        "bench": "infer", "model": .string(architecture), "mode": .string(mode.rawValue),
        "size": .integer(side), "batch": .integer(batch), "threads": .integer(threads),
        "classes": .integer(deployed.classNames.count), "count": .integer(count),
        "trained": .bool(checkpoint != nil),
        "median_ms": decimals(perPicture * result.forward.median, 4),
        "min_ms": decimals(perPicture * result.forward.minimum, 4),
        "detect_ms": decimals(perPicture * result.detection.median, 4),
        "peak_MiB": decimals(peak, 1),
        "plan_MiB": decimals(Double(result.planByteCount) / mebibyte, 1),
        "compute": .string(compute.library), "instruction_set": .string(compute.instructionSet),
      ])
    }
  }

  private func deployedModel() throws -> DeployedModel {
    if let checkpoint { return try DeployedModel(checkpoint: openCheckpoint(checkpoint)) }
    var recipe = Recipe()
    recipe.model.architecture = model ?? .yolov8n
    recipe.model.inputSize = size ?? 320
    return try DeployedModel(
      untrained: recipe, classNames: (0..<(classes ?? 2)).map { "class\($0)" })
  }
}
