import ArgumentParser
import Checkpoints
import Engine
import Foundation
import Glibc
import MessagePassing
import Parallel
import Reporting

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tells what the program finds on this machine: ranks, processors, compute library.",
    discussion: """
      Examples:
        edgewise doctor
        mpirun -n 2 edgewise doctor --json
      """)

  @Flag(help: "Print one JSON document.")
  var json = false

  func run() throws {
    let communicator = try startedCommunicator()
    try ending(communicator) {
      let hosts = try communicator.together {
        try communicator.allGather(Array(communicator.hostName.utf8))
      }.map { String(decoding: $0, as: UTF8.self) }
      guard communicator.rank == 0 else { return }
      let compute = ComputeDescription.current
      let memory = Double(ProcessInfo.processInfo.physicalMemory) / Double(1 << 30)
      let processors = ProcessInfo.processInfo.activeProcessorCount
      let threads = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"]
      let perHost = Dictionary(hosts.map { ($0, 1) }, uniquingKeysWith: +)
      if json {
        printJSON([
          "ranks": .integer(communicator.size), "mpi": .bool(!communicator.isSolo),
          "hosts": .object(perHost.mapValues { .integer($0) }),
          "processors": .integer(processors), "memory_GiB": .number(memory),
          "compute": .string(compute.library), "instruction_set": .string(compute.instructionSet),
          "OMP_NUM_THREADS": threads.map { .string($0) } ?? .null,
        ])
        return
      }
      let places = perHost.sorted { $0.key < $1.key }.map { "\($0.value) on \($0.key)" }
      var lines = [
        "ranks        \(communicator.size)"
          + (communicator.isSolo
            ? ", started without mpirun"
            : ": \(places.joined(separator: ", ")); MPI thread level \(communicator.threadLevel)"),
        "processors   \(processors), memory \(fixed(memory, 1)) GiB",
        "compute      \(compute.library), \(compute.instructionSet)",
        "threads      "
          + (threads.map { "OMP_NUM_THREADS is \($0)" } ?? "OMP_NUM_THREADS is not set")
          + "; a run takes `system.threads` of its recipe",
      ]
      if let crowded = perHost.values.max(), crowded > processors {
        lines.append(
          "advice       \(crowded) ranks share \(processors) processors; start at most one rank per processor"
        )
      }
      print(lines.joined(separator: "\n"))
    }
  }
}
