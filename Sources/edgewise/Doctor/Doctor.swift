import ArgumentParser
import Benchmarks
import Checkpoints
import Foundation
import MessagePassing
import Parallel
import Reporting
import Texts
import Training

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tells what a run would find: ranks, processors, libraries, folder, clocks, network.",
    discussion: """
      Examples:
        edgewise doctor
        mpirun -n 4 -hostfile hosts edgewise doctor --run /shared/runs --json

      Takes about two seconds. Exit code 0, whatever it advises; nothing is changed.
      """)

  @Option(name: .customLong("run"), help: "The folder that runs are to lie in.")
  var runFolder = "."

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      let own = RankInspection(
        communicator: communicator,
        folder: try FolderInspection(path: runFolder, communicator: communicator))
      let ranks = try communicator.together {
        try communicator.allGather(Array(try JSONEncoder().encode(own))).map {
          try JSONDecoder().decode(RankInspection.self, from: Data($0))
        }
      }
      let clocks = try ClockOffsets(communicator: communicator)
      let reduction =
        communicator.isSolo || communicator.size == 1
        ? nil
        : try communicator.together {
          // The gradients of YOLOv8n.
          try ReductionBenchmark(byteCount: 12_600_000, communicator: communicator)
        }
      guard communicator.rank == 0 else { return }
      let warnings = advice(
        ranks, communicator: communicator, clocks: clocks, reduction: reduction)
      if json {
        printJSON(document(ranks, communicator, clocks, reduction, warnings))
      } else {
        print(text(ranks, communicator, clocks, reduction, warnings))
      }
    }
  }

  private func document(
    _ ranks: [RankInspection], _ communicator: Communicator, _ clocks: ClockOffsets,
    _ reduction: ReductionBenchmark?, _ warnings: [String]
  ) -> JSONValue {
    let first = ranks[0]
    let perHost = Dictionary(ranks.map { ($0.host, 1) }, uniquingKeysWith: +)
    let details = ranks.map { rank -> JSONValue in
      .object([
        "rank": .integer(rank.rank), "host": .string(rank.host),
        "processor": .string(rank.processor), "processors": .integer(rank.processorCount),
        "cores": .string(RankInspection.coreText(rank.cores)),
        "instruction_set": .string(rank.instructionSet), "vnni": .bool(rank.hasVNNI),
        "memory_GiB": gibibytes(rank.memory), "free_memory_GiB": gibibytes(rank.freeMemory),
        "writable": .bool(rank.folder.problem == nil), "shared": .bool(rank.folder.isShared),
        "file_system": .string(rank.folder.fileSystem),
        "clock_ahead_s": .number(clocks.seconds[rank.rank]),
        "facts": .object(
          Dictionary(
            zip(rank.factNames, rank.factValues.map { .string($0) }), uniquingKeysWith: { $1 })),
      ])
    }
    var document: [String: JSONValue] = [
      "ranks": .integer(communicator.size), "mpi": .bool(!communicator.isSolo),
      "mpi_library": .string(Communicator.libraryVersion),
      "thread_level": .string(communicator.threadLevel.description),
      "hosts": .object(perHost.mapValues { .integer($0) }),
      "processors": .integer(first.processorCount), "memory_GiB": gibibytes(first.memory),
      "compute": .string(first.library), "instruction_set": .string(first.instructionSet),
      "OMP_NUM_THREADS": first.threadVariable.map { .string($0) } ?? .null,
      "folder": .string(first.folder.path), "file_system": .string(first.folder.fileSystem),
      "free_disk_GiB": gibibytes(first.folder.freeByteCount),
      "clock_uncertainty_s": .number(clocks.uncertainty),
      "per_rank": .array(details), "warnings": .array(warnings.map { .string($0) }),
    ]
    if let reduction {
      document["reduction"] = .object([
        "bytes": .integer(reduction.byteCount), "seconds": .number(reduction.ordered.median),
        "allreduce_seconds": .number(reduction.allReduce.median),
        "GB_per_s": .number(reduction.gigabytesPerSecond),
      ])
    }
    return .object(document)
  }

  private func text(
    _ ranks: [RankInspection], _ communicator: Communicator, _ clocks: ClockOffsets,
    _ reduction: ReductionBenchmark?, _ warnings: [String]
  ) -> String {
    let first = ranks[0]
    var lines = [
      "MPI          \(Communicator.libraryVersion), "
        + (communicator.isSolo
          ? "not used: started without mpirun" : "thread level \(communicator.threadLevel)"),
      "compute      \(first.library), \(first.instructionSet)\(first.hasVNNI ? "" : ", no VNNI")",
      "threads      "
        + (first.threadVariable.map { "OMP_NUM_THREADS is \($0)" } ?? "OMP_NUM_THREADS is not set")
        + "; a run takes `system.threads` of its recipe",
      "folder       \(first.folder.path): \(first.folder.fileSystem), "
        + "\(fixed(Double(first.folder.freeByteCount) / Double(1 << 30), 1)) GiB free, "
        + (first.folder.problem.map { "not writable (\($0))" } ?? "writable"),
    ]
    if let reduction {
      lines.append(
        "reduction    \(fixed(Double(reduction.byteCount) * 1e-6, 1)) MB in \(fixed(reduction.ordered.median * 1e3, 1)) ms "
          + "(\(fixed(reduction.gigabytesPerSecond, 2)) GB/s); MPI_Allreduce \(fixed(reduction.allReduce.median * 1e3, 1)) ms"
      )
    }
    lines = lines.map(printable)
    var table = TextTable([
      .right("rank"), .left("host"), .left("processor"), .right("of"), .left("bound to"),
      .right("memory GiB"), .right("free"), .right("clock s"),
    ])
    for rank in ranks {
      table.append([
        "\(rank.rank)", rank.host, rank.processor, "\(rank.processorCount)",
        rank.cores.count == rank.processorCount
          ? "no one" : RankInspection.coreText(rank.cores),
        fixed(Double(rank.memory) / Double(1 << 30), 1),
        fixed(Double(rank.freeMemory) / Double(1 << 30), 1), fixed(clocks.seconds[rank.rank], 3),
      ])
    }
    lines.append(table.description)
    lines += warnings.isEmpty ? ["no advice"] : warnings.map { printable("advice       \($0)") }
    return lines.joined(separator: "\n")
  }

  private func gibibytes(_ bytes: Int) -> JSONValue {
    let value = Double(bytes) / Double(1 << 30)
    return .number(Double(fixed(value, 2)) ?? value)
  }
}
