import Benchmarks
import MessagePassing
import Parallel
import Reporting

/// What should be mended before a long run, each in one sentence with the fix.
func advice(
  _ ranks: [RankInspection], communicator: Communicator, clocks: ClockOffsets,
  reduction: ReductionBenchmark?
) -> [String] {
  var found: [String] = []
  if !communicator.isSolo, communicator.threadLevel < .serialized {
    found.append(
      "MPI grants the thread level \(communicator.threadLevel); use an MPI library built with thread support"
    )
  }
  let facts = ranks.map {
    Array(zip($0.factNames, $0.factValues)).map { (name: $0.0, value: $0.1) }
  }
  if let mixed = MixedRanks(comparing: facts, hosts: ranks.map(\.host)) {
    found.append(
      mixed.lines.map { String($0.drop { $0 == " " }) }.joined(separator: "; "))
  }
  for host in Set(ranks.map(\.host)).sorted() {
    found += adviceOnHost(host, ranks.filter { $0.host == host })
  }
  found += adviceOnFolder(ranks)
  for (rank, offset) in clocks.seconds.enumerated()
  where offset.magnitude > max(1, 2 * clocks.uncertainty) {
    found.append(
      "the clock of \(ranks[rank].host) is \(fixed(offset, 1)) s ahead of that of \(ranks[0].host); start a time service (chrony, systemd-timesyncd) on both, or logs and file times cannot be compared"
    )
  }
  if let reduction, reduction.ordered.median > 0.25 {
    found.append(
      "summing one gradient of YOLOv8n takes \(fixed(reduction.ordered.median, 2)) s (\(fixed(reduction.gigabytesPerSecond, 3)) GB/s); see that MPI uses the fast network (`--mca btl_tcp_if_include`), or use fewer ranks with larger shards"
    )
  }
  return found
}

private func adviceOnHost(_ host: String, _ ranks: [RankInspection]) -> [String] {
  var found: [String] = []
  let first = ranks[0]
  let names = ranks.map { "\($0.rank)" }.joined(separator: ", ")
  let ranksAre = ranks.count == 1 ? "rank \(names)" : "ranks \(names)"
  if ranks.count > first.processorCount {
    found.append(
      "\(host): \(ranks.count) ranks share \(first.processorCount) processors; start at most one rank per processor"
    )
  } else {
    let groups = Dictionary(grouping: ranks, by: \.cores)
    for (cores, sharing) in groups.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) })
    where sharing.count > cores.count {
      found.append(
        "\(host): ranks \(sharing.map { "\($0.rank)" }.joined(separator: ", ")) are bound to the same \(cores.count) processor\(cores.count == 1 ? "" : "s") (\(RankInspection.coreText(cores))); start them with --bind-to core, or --bind-to none"
      )
    }
  }
  if let text = first.threadVariable, let threads = Int(text), threads > first.cores.count {
    found.append(
      "\(host): OMP_NUM_THREADS is \(threads), but \(ranksAre) may use \(first.cores.count) processors; set it to the recipe's `system.threads`"
    )
  }
  if !first.hasVNNI {
    found.append(
      "\(host): the processor (\(first.processor)) has no VNNI, so 8-bit convolutions are no faster than float ones there and may saturate in 16 bits inside oneDNN; compute with the float simulation"
    )
  } else if !["AVX-512-VNNI", "AVX-512-BF16", "AVX2-VNNI"].contains(first.instructionSet),
    !first.instructionSet.hasPrefix("other")
  {
    found.append(
      "\(host): oneDNN uses \(first.instructionSet) although the processor has VNNI; unset DNNL_MAX_CPU_ISA and ONEDNN_MAX_CPU_ISA"
    )
  }
  let gibibyte = 1 << 30
  if first.freeMemory < ranks.count * 2 * gibibyte {
    found.append(
      "\(host): \(fixed(Double(first.freeMemory) / Double(gibibyte), 1)) GiB of memory are free for \(ranksAre); plan 2 GiB per rank, or lower `batch.size` and `system.cacheMiB`"
    )
  }
  return found
}

private func adviceOnFolder(_ ranks: [RankInspection]) -> [String] {
  var found: [String] = []
  let folder = ranks[0].folder
  for rank in ranks {
    if let problem = rank.folder.problem {
      found.append(
        "\(folder.path): rank \(rank.rank) (\(rank.host)) cannot write there (\(problem)); give another folder with --run, or mend its rights"
      )
    } else if !rank.folder.isShared {
      found.append(
        "\(folder.path): rank \(rank.rank) (\(rank.host)) does not see what rank 0 writes there; put runs on a file system that all hosts mount"
      )
    }
  }
  if ["tmpfs", "ramfs"].contains(folder.fileSystem) {
    found.append(
      "\(folder.path) lies in memory (\(folder.fileSystem)) and is gone after a restart; put runs on a disk"
    )
  }
  if folder.problem == nil, folder.freeByteCount < 2 << 30 {
    found.append(
      "\(folder.path) has \(fixed(Double(folder.freeByteCount) / Double(1 << 20), 0)) MiB left; a YOLOv8n run takes about 200 MiB, larger models some GiB"
    )
  }
  return found
}

extension ReductionBenchmark {
  /// 10⁹ bytes per second and rank in either direction.
  var gigabytesPerSecond: Double { bandwidth(ordered.median) * 1e-9 }
}
