import Engine
import Foundation
import Glibc
import MessagePassing

/// What a rank finds about its process, its machine and the run folder.
struct RankInspection: Codable {
  var rank: Int
  var host: String
  /// Of the machine.
  var processorCount: Int
  var processor: String
  /// The numbers of the processors that this process may use.
  var cores: [Int]
  var hasVNNI: Bool
  var instructionSet: String
  var library: String
  /// `OMP_NUM_THREADS`.
  var threadVariable: String?
  /// Bytes.
  var memory: Int
  var freeMemory: Int
  var folder: FolderInspection
  var factNames: [String]
  var factValues: [String]

  init(communicator: Communicator, folder: FolderInspection) {
    rank = communicator.rank
    host = communicator.hostName
    processorCount = max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1)
    let information = Self.text("/proc/cpuinfo")
    func value(_ key: String) -> String {
      for line in information.split(separator: "\n") where line.hasPrefix(key) {
        return line.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces)
      }
      return ""
    }
    processor = value("model name")
    let flags = Set(value("flags").split(separator: " "))
    hasVNNI = flags.contains("avx512_vnni") || flags.contains("avx_vnni")
    cores = Self.allowedCores()
    let compute = ComputeDescription.current
    instructionSet = compute.instructionSet
    library = compute.library
    threadVariable = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"]
    memory = Self.memory("MemTotal:")
    freeMemory = Self.memory("MemAvailable:")
    self.folder = folder
    let facts = ownFacts()
    factNames = facts.map(\.name)
    factValues = facts.map(\.value)
  }

  private static func text(_ path: String) -> String {
    (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
  }

  /// Bytes that /proc/meminfo gives for a key.
  private static func memory(_ key: String) -> Int {
    for line in text("/proc/meminfo").split(separator: "\n") where line.hasPrefix(key) {
      let words = line.split(separator: " ")
      if words.count > 1, let kibibytes = Int(words[1]) { return kibibytes << 10 }
    }
    return 0
  }

  /// From a line such as `Cpus_allowed_list: 0-3,8`.
  private static func allowedCores() -> [Int] {
    let key = "Cpus_allowed_list:"
    for line in text("/proc/self/status").split(separator: "\n") where line.hasPrefix(key) {
      return line.dropFirst(key.count).split(separator: ",").flatMap { part -> [Int] in
        let ends = part.split(separator: "-").compactMap {
          Int($0.trimmingCharacters(in: .whitespaces))
        }
        guard let first = ends.first, let last = ends.last, first <= last else { return [] }
        return Array(first...last)
      }
    }
    return []
  }
}

extension RankInspection {
  /// `0-3,8`
  static func coreText(_ cores: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for core in cores.sorted() {
      if let last = runs.last, core == last.upperBound + 1 {
        runs[runs.count - 1] = last.lowerBound...core
      } else {
        runs.append(core...core)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}
