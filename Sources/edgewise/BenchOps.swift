import ArgumentParser
import Benchmarks
import Checkpoints
import Engine
import MessagePassing
import Parallel
import Reporting
import Training

struct BenchOps: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ops",
    abstract: "Times every piece of the network in one training step.",
    discussion: """
      Example: edgewise bench ops --model yolov8n --size 320 --batch 8 --mode float

      Sorted by time. GFLOP/s counts forward, backward-data and backward-weights of convolutions. The \
      peaks are measured in the same run with loops of multiply-adds in registers: FP32, bfloat16 and \
      int8, where the processor has instructions for them. "of the peak" is the time a convolution's \
      passes would take at the peak of what each multiplies, over the time they took. The floor is the \
      convolutions' time alone, as they ran in the step.
      """)

  @OptionGroup var arguments: BenchArguments

  @Flag(help: "Print one JSON document.")
  var json = false

  private struct Row {
    var entry: PlanProfile.Entry
    var rate: NodeRate?

    var seconds: Double { entry.forwardSeconds + entry.backwardSeconds }
  }

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      let core = ComputePeak.measure()
      let result = try arguments.measure(communicator)
      guard communicator.rank == 0 else { return }
      let peak = core.times(arguments.threads)
      let rows = result.profile.entries.map {
        Row(entry: $0, rate: NodeRate($0, peak: peak))
      }.sorted { $0.seconds > $1.seconds }
      let floor = result.profile.convolutionSeconds
      // Both of the same steps, so that a slow moment slows both.
      let floorOverStep = result.convolutionShare
      if json {
        printJSON(document(rows, result, core, floorOverStep))
        return
      }
      print(table(rows, result))
      func rate(_ value: Double?) -> String { value.map { fixed($0, 0) } ?? "none" }
      print(
        """
        peak of a core: FP32 \(rate(core.float32)), bfloat16 \(rate(core.bfloat16)), int8 \
        \(rate(core.int8)) GFLOP/s
        floor: the convolutions alone take \(fixed(1000 * floor, 1)) ms, \
        \(fixed(100 * floorOverStep, 1)) % of the step's \(fixed(1000 * result.profiledSeconds, 1)) ms
        """)
    }
  }

  private func document(
    _ rows: [Row], _ result: StepBenchmark.Result, _ core: ComputePeak, _ floorOverStep: Double
  ) -> JSONValue {
    [
      "bench": "ops", "model": .string(arguments.model.rawValue),
      "mode": .string(arguments.mode.rawValue), "size": .integer(arguments.size),
      "batch": .integer(arguments.batch), "threads": .integer(arguments.threads),
      "step_s": decimals(result.profiledSeconds, 5), "median_s": decimals(result.medianSeconds, 5),
      "floor_s": decimals(result.profile.convolutionSeconds, 5),
      "floor_over_step": decimals(floorOverStep, 4),
      "peak_GFLOPS": [
        "float32": decimals(core.float32, 1), "bfloat16": decimals(core.bfloat16, 1),
        "int8": decimals(core.int8, 1),
      ],
      "ops": .array(
        rows.map { row in
          [
            "name": .string(row.entry.name), "forward_s": .number(row.entry.forwardSeconds),
            "backward_s": .number(row.entry.backwardSeconds),
            "convolution_s": .number(row.entry.kernelSeconds),
            "share": .number(row.seconds / result.profiledSeconds),
            "GFLOPS": decimals(row.rate?.gigaOperationsPerSecond, 1),
            "share_of_peak": decimals(row.rate?.shareOfPeak, 4),
            "implementations": .array(row.entry.implementations.map { .string($0) }),
          ]
        }),
    ]
  }

  private func table(_ rows: [Row], _ result: StepBenchmark.Result) -> TextTable {
    var table = TextTable([
      .left("piece"), .right("forward ms"), .right("backward ms"), .right("share %"),
      .right("GFLOP/s"), .right("of the peak %"), .left("implementation"),
    ])
    for row in rows {
      table.append([
        row.entry.name, fixed(1000 * row.entry.forwardSeconds, 2),
        fixed(1000 * row.entry.backwardSeconds, 2),
        fixed(100 * row.seconds / result.profiledSeconds, 1),
        row.rate.map { fixed($0.gigaOperationsPerSecond, 1) } ?? "",
        row.rate?.shareOfPeak.map { fixed(100 * $0, 0) } ?? "",
        row.entry.implementations.joined(separator: " "),
      ])
    }
    let rest = result.profiledSeconds - result.profile.totalSeconds
    table.append([
      "loss, reduction, optimizer, …", "", fixed(1000 * rest, 2),
      fixed(100 * rest / result.profiledSeconds, 1), "", "", "",
    ])
    return table
  }
}
