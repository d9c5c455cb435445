import ArgumentParser
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

      Sorted by time. GFLOP/s counts forward, backward-data and backward-weights of convolutions.
      """)

  @OptionGroup var arguments: BenchArguments

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      let result = try arguments.measure(communicator)
      guard communicator.rank == 0 else { return }
      let first = result.profile.entries.firstIndex(where: \.isConvolution)
      let rows = result.profile.entries.enumerated().map { index, entry in
        let seconds = entry.forwardSeconds + entry.backwardSeconds
        let operations = entry.operationCount * (index == first ? 2 : 3)
        return (
          entry: entry, seconds: seconds,
          rate: entry.isConvolution ? Double(operations) / seconds * 1e-9 : nil as Double?
        )
      }.sorted { $0.seconds > $1.seconds }
      if json {
        printJSON([
          "step_s": .number(result.profiledSeconds),
          "ops": .array(
            rows.map { row in
              [
                "name": .string(row.entry.name), "forward_s": .number(row.entry.forwardSeconds),
                "backward_s": .number(row.entry.backwardSeconds),
                "share": .number(row.seconds / result.profiledSeconds),
                "GFLOPS": row.rate.map { .number($0) } ?? .null,
                "implementations": .array(row.entry.implementations.map { .string($0) }),
              ]
            }),
        ])
        return
      }
      var table = TextTable([
        .left("piece"), .right("forward ms"), .right("backward ms"), .right("share %"),
        .right("GFLOP/s"), .left("implementation"),
      ])
      for row in rows {
        table.append([
          row.entry.name, fixed(1000 * row.entry.forwardSeconds, 2),
          fixed(1000 * row.entry.backwardSeconds, 2),
          fixed(100 * row.seconds / result.profiledSeconds, 1),
          row.rate.map { fixed($0, 1) } ?? "", row.entry.implementations.joined(separator: " "),
        ])
      }
      let rest = result.profiledSeconds - result.profile.totalSeconds
      table.append([
        "loss, reduction, optimizer, …", "", fixed(1000 * rest, 2),
        fixed(100 * rest / result.profiledSeconds, 1), "", "",
      ])
      print(table)
    }
  }
}
