import Foundation
import Parallel

/// What stands behind `edgewise launch`: our own options, those of `mpirun`, and the training.
struct LaunchArguments: Equatable {
  var ranks: Int?
  var restarts = 3
  /// All other options, as `mpirun` gets them, but for those that name hosts.
  var launcherOptions: [String] = []
  var hosts = HostList()
  /// `train` and what follows it.
  var command: [String] = []

  init() {}

  /// - Throws: a sentence with the exit code 64, or 74 for a host file that cannot be read.
  init(_ words: [String]) throws(FailureReport) {
    guard let end = words.firstIndex(of: "--") else {
      throw Self.refusal("launch needs ` -- train RECIPE …` behind its own and mpirun's options")
    }
    command = Array(words[(end + 1)...])
    guard command.first == "train" else {
      throw Self.refusal(
        "launch starts `train` again after a lost rank, but behind -- stands "
          + (command.first.map { "`\($0)`" } ?? "nothing") + "; start other commands with mpirun")
    }
    var rest = words[..<end]
    func value(of option: String) throws(FailureReport) -> String {
      guard let value = rest.popFirst() else { throw Self.refusal("\(option) needs a value") }
      return value
    }
    func count(of option: String, atLeast least: Int) throws(FailureReport) -> Int {
      let text = try value(of: option)
      guard let count = Int(text), count >= least else {
        throw Self.refusal("\(option) needs a whole number from \(least) on, not `\(text)`")
      }
      return count
    }
    while let word = rest.popFirst() {
      switch word {
      case "-n", "--n", "-np", "--np", "-c": ranks = try count(of: word, atLeast: 1)
      case "--restarts": restarts = try count(of: word, atLeast: 0)
      case "-H", "-host", "--host": try hosts.add(option: try value(of: word))
      case "-hostfile", "--hostfile", "-machinefile", "--machinefile":
        try hosts.add(file: try value(of: word))
      case ":": throw Self.refusal("launch starts one program; leave out the ` : ` of mpirun")
      default: launcherOptions.append(word)
      }
    }
  }

  /// The words for `mpirun`.
  ///
  /// - Parameters:
  ///   - hosts: those that are left.
  ///   - isRestart: goes on from the newest good checkpoint instead of what was asked for at first.
  ///   - runFolder: of the run that a restart goes on with.
  ///
  /// On one machine, which no batch system has parted into slots, more ranks than cores may be asked for.
  func launcherWords(
    program: String, ranks: Int?, hosts: HostList, isRestart: Bool, runFolder: String
  ) -> [String] {
    var words = launcherOptions
    let batchSystems = ["SLURM_JOB_ID", "PBS_JOBID", "PE_HOSTFILE", "LSB_JOBID"]
    let environment = ProcessInfo.processInfo.environment
    if hosts.isEmpty, !batchSystems.contains(where: { environment[$0] != nil }),
      !words.contains(where: { $0.hasSuffix("oversubscribe") })
    {
      words.append("--oversubscribe")
    }
    if !hosts.isEmpty { words += ["-H", hosts.option] }
    if let ranks { words += ["-n", "\(ranks)"] }
    return words + [program] + (isRestart ? Self.resuming(command, in: runFolder) : command)
  }

  /// The command with `--resume auto`, and with `--run` where it named a run with `--resume` alone.
  static func resuming(_ command: [String], in runFolder: String) -> [String] {
    var words: [String] = []
    var rest = command[...]
    while let word = rest.popFirst() {
      if word == "--resume" {
        rest = rest.dropFirst()
      } else if !word.hasPrefix("--resume=") {
        words.append(word)
      }
    }
    if !words.contains(where: { $0 == "--run" || $0.hasPrefix("--run=") }) {
      words += ["--run", runFolder]
    }
    return words + ["--resume", "auto"]
  }

  static func refusal(_ sentence: String) -> FailureReport {
    FailureReport(message: sentence, exitCode: 64, rank: 0)
  }
}
