import ArgumentParser
import Benchmarks
import Checkpoints
import Engine
import MessagePassing
import Parallel
import Reporting
import Training

struct BenchStep: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Times whole training steps: forward, loss, backward, reduction, optimizer.",
    discussion: """
      Examples:
        edgewise bench step --model yolov8n --size 320 --batch 8 --mode qat --json
        mpirun -n 2 edgewise bench step --mode float --json

      images_per_s is that of all ranks together; peak_MiB that of rank 0's process.
      """)

  @OptionGroup var arguments: BenchArguments

  @Flag(help: "Print one JSON document on one line.")
  var json = false

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      let result = try arguments.measure(communicator)
      guard communicator.rank == 0 else { return }
      let imagesPerSecond = Double(arguments.batch * communicator.size) / result.medianSeconds
      let peak = Double(peakMemoryByteCount()) / mebibyte
      let compute = ComputeDescription.current
      guard json else {
        print(
          """
          \(arguments.model.rawValue), \(arguments.mode.rawValue), \(arguments.size) pixels, \
          \(communicator.size) × \(arguments.batch) pictures, \(arguments.threads) \
          thread\(arguments.threads == 1 ? "" : "s") each; \(compute.library), \(compute.instructionSet)
          \(fixed(imagesPerSecond, 2)) images/s; a step takes \(fixed(result.medianSeconds, 4)) s \
          (median), \(fixed(result.minimumSeconds, 4)) s at best
          convolutions: \(fixed(100 * result.convolutionShare, 1)) % of the time, at \
          \(fixed(result.convolutionGFLOPS, 1)) GFLOP/s
          memory: \(fixed(peak, 1)) MiB at most, \
          \(fixed(Double(result.planByteCount) / mebibyte, 1)) MiB of it the plan
          """)
        return
      }
      let entries = result.profile.entries
      printJSON([
        "bench": "step", "model": .string(arguments.model.rawValue),
        "mode": .string(arguments.mode.rawValue),
        "size": .integer(arguments.size), "batch": .integer(arguments.batch),
        "classes": .integer(arguments.classes), "world": .integer(communicator.size),
        "threads": .integer(arguments.threads), "steps": .integer(arguments.steps),
        "images_per_s": decimals(imagesPerSecond, 2),
        "median_s": decimals(result.medianSeconds, 5), "min_s": decimals(result.minimumSeconds, 5),
        "peak_MiB": decimals(peak, 1),
        "plan_MiB": decimals(Double(result.planByteCount) / mebibyte, 1),
        "forward_s": decimals(entries.reduce(0) { $0 + $1.forwardSeconds }, 5),
        "backward_s": decimals(entries.reduce(0) { $0 + $1.backwardSeconds }, 5),
        "convolution_share": decimals(result.convolutionShare, 4),
        "convolution_GFLOPS": decimals(result.convolutionGFLOPS, 1),
        "compute": .string(compute.library), "instruction_set": .string(compute.instructionSet),
      ])
    }
  }
}
