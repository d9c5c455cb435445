import ArgumentParser
import Benchmarks
import Checkpoints
import MessagePassing
import Parallel
import Reporting

struct BenchReduce: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reduce",
    abstract: "Times the ordered reduction beside MPI_Allreduce.",
    discussion: """
      Example: mpirun -n 2 edgewise bench reduce --json

      Median times of the slowest rank. The ordered reduction takes the vector in, sums it and gives \
      the sum out; MPI_Allreduce works in place. Bandwidth is 2(P-1)/P of the vector over the time. \
      12600000 bytes are the gradients of yolov8n.
      """)

  @Option(
    help: "Bytes of the vector. Repeatable. Default: from 1000 to 50000000, 12600000 among them.")
  var bytes: [Int] = []

  @Flag(help: "Print one JSON document.")
  var json = false

  static let usualSizes = [1_000, 10_000, 100_000, 1_000_000, 12_600_000, 50_000_000]

  func validate() throws {
    for size in bytes where size < 4 || size > 1 << 32 {
      throw ValidationError("--bytes must be a whole number from 4 to \(1 << 32)")
    }
  }

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      guard communicator.size > 1 else {
        throw FailureReport(
          message:
            "there is nothing to reduce on one rank; start it as: mpirun -n 2 edgewise bench reduce",
          exitCode: 64, rank: 0)
      }
      let results = try (bytes.isEmpty ? Self.usualSizes : bytes).map {
        try ReductionBenchmark(byteCount: $0, communicator: communicator)
      }
      guard communicator.rank == 0 else { return }
      if json {
        printJSON(document(results, communicator))
        return
      }
      var table = TextTable([
        .right("bytes"), .right("ordered ms"), .right("MPI_Allreduce ms"), .right("ordered / MPI"),
        .right("ordered MB/s"), .right("MPI MB/s"),
      ])
      for result in results {
        table.append([
          "\(result.byteCount)", fixed(1000 * result.ordered.median, 3),
          fixed(1000 * result.allReduce.median, 3), fixed(result.ratio, 2),
          fixed(result.bandwidth(result.ordered.median) * 1e-6, 0),
          fixed(result.bandwidth(result.allReduce.median) * 1e-6, 0),
        ])
      }
      print("\(communicator.size) ranks, \(Communicator.libraryVersion)")
      print(table)
    }
  }

  private func document(_ results: [ReductionBenchmark], _ communicator: Communicator)
    -> JSONValue
  {
    [
      "bench": "reduce", "world": .integer(communicator.size),
      "library": .string(Communicator.libraryVersion),
      "sizes": .array(
        results.map { result in
          [
            "bytes": .integer(result.byteCount),
            "ordered_ms": decimals(1000 * result.ordered.median, 5),
            "allreduce_ms": decimals(1000 * result.allReduce.median, 5),
            "ratio": decimals(result.ratio, 3),
            "ordered_MB_s": decimals(result.bandwidth(result.ordered.median) * 1e-6, 1),
            "allreduce_MB_s": decimals(result.bandwidth(result.allReduce.median) * 1e-6, 1),
            "repetitions": .integer(result.ordered.seconds.count),
          ]
        }),
    ]
  }
}
