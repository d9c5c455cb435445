public import ArgumentParser
import Engine
import MessagePassing
import Parallel
import Training

/// The training step that is measured.
struct BenchArguments: ParsableArguments {
  enum Mode: String, ExpressibleByArgument, CaseIterable {
    case float, qat
    case floatBFloat16 = "float-bf16"
    case qatBFloat16 = "qat-bf16"

    var phase: Phase { self == .float || self == .floatBFloat16 ? .float : .qat }
    var precision: Precision { self == .float || self == .qat ? .float32 : .bfloat16 }
  }

  @Option(help: "yolov8n, yolov8s, yolov8m, yolov8l or yolov8x.")
  var model = Recipe.Model.Architecture.yolov8n

  @Option(help: "Side of the square input in pixels, a multiple of 32.")
  var size = 320

  @Option(help: "Pictures per rank and step.")
  var batch = 8

  @Option(help: "float, or qat for quantization-aware; float-bf16 and qat-bf16 with bf16 convolutions.")
  var mode = Mode.float

  @Option(help: "Classes of the detector.")
  var classes = 2

  @Option(help: "Steps to time, after three to warm up.")
  var steps = 10

  @Option(help: "Compute threads per rank.")
  var threads = 1

  func validate() throws {
    guard size >= 32, size <= 4096, size % 32 == 0 else {
      throw ValidationError("--size must be a multiple of 32 from 32 to 4096")
    }
    for (name, value) in [
      ("batch", batch), ("classes", classes), ("steps", steps), ("threads", threads),
    ] where value < 1 || value > 65_536 {
      throw ValidationError("--\(name) must be a whole number from 1 to 65536")
    }
  }

  /// Runs the steps.
  ///
  /// *Collective.*
  func measure(_ communicator: Communicator) throws -> StepBenchmark.Result {
    setComputeThreadCount(threads)
    var recipe = Recipe()
    recipe.precision = mode.precision
    recipe.model.architecture = model
    recipe.model.inputSize = size
    recipe.batch = Recipe.Batch(size: batch * communicator.size, shards: communicator.size)
    return try StepBenchmark(
      recipe: recipe, phase: mode.phase, classCount: classes, communicator: communicator
    ).run(count: steps)
  }
}

extension Recipe.Model.Architecture: ExpressibleByArgument {}
