import ArgumentParser
import Checkpoints
import Foundation
import MessagePassing
import Parallel
import Training

struct LaunchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "launch",
    abstract: "Runs train under mpirun, and starts it again after a lost rank.",
    usage: "edgewise launch [-n N] [--restarts R] [mpirun options] -- train RECIPE …",
    discussion: """
      Examples:
        edgewise launch -n 2 -- train recipes/demo.yaml --run runs/demo
        edgewise launch -n 4 --restarts 10 -hostfile hosts -- train recipes/penn-fudan.yaml --run runs/first

      When a rank is killed, hangs or cannot be reached, the run goes on from its newest good \
      checkpoint, at most R times (3). Hosts named with -H or -hostfile are asked first; without \
      those that do not answer, the run goes on with as many ranks as the others have slots. Errors of \
      usage (64), data (65) and files (74), and a run that fails by itself (1), are not tried again.

      USR1, TERM and interrupt let the run save and end with 75; a second one ends it at once.

      It gives mpirun what it needs to run as root, in a container, and with more ranks than cores, and \
      each rank one thread unless OMP_NUM_THREADS is set.
      """)

  @Argument(
    parsing: .captureForPassthrough,
    help: "-n N and --restarts R, options of mpirun, --, then train and its arguments.")
  var words: [String] = []

  func run() throws {
    if let first = words.first, ["-h", "--help"].contains(first) {
      throw CleanExit.helpRequest(Self.self)
    }
    try ending {
      let arguments = try LaunchArguments(words)
      let training = try parsed(arguments.command)
      // The recipe's errors are the same on all ranks, and need none.
      let folder = try training.start(.solo).folder
      try LauncherEnvironment.checkLauncher()
      LaunchSignals.install()
      try start(arguments, runFolder: folder)
    }
  }

  private func parsed(_ command: [String]) throws -> Train {
    do {
      return try Train.parse(Array(command.dropFirst()))
    } catch {
      throw LaunchArguments.refusal(
        "train: \(Train.message(for: error)); see edgewise train --help")
    }
  }

  private func start(_ arguments: LaunchArguments, runFolder: String) throws {
    let program = try ownProgram()
    var hosts = arguments.hosts
    var ranks = arguments.ranks
    var restart = 0
    while true {
      let newest = try? CheckpointStore(runFolder: runFolder).list().first { $0.isComplete }
      let end = try LauncherProcess.run(
        arguments.launcherWords(
          program: program, ranks: ranks, hosts: hosts, isRestart: restart > 0 && newest != nil,
          runFolder: runFolder))
      guard end.isLostRank, !end.wasAskedToStop else {
        if end.exitCode == 0 { return }
        throw ExitCode(end.exitCode)
      }
      let loss = end.loss ?? "a rank was lost (exit code \(end.exitCode))"
      guard restart < arguments.restarts else {
        complain("\(loss); the run was started again \(restart) times already and is given up")
        throw ExitCode(FailureReport.lostRankExitCode)
      }
      restart += 1
      if !hosts.isEmpty {
        hosts = answering(hosts, options: arguments.launcherOptions)
        guard !hosts.isEmpty else {
          complain("\(loss); no host answers any more, and the run is given up")
          throw ExitCode(FailureReport.lostRankExitCode)
        }
        ranks = min(arguments.ranks ?? arguments.hosts.slots, hosts.slots)
      }
      let now = try? CheckpointStore(runFolder: runFolder).list().first { $0.isComplete }
      complain(
        "\(loss); going on \(now.map { "from step \($0.step)" } ?? "from the beginning")"
          + "\(ranks.map { " with \($0) rank\($0 == 1 ? "" : "s")" } ?? "")"
          + ", restart \(restart) of \(arguments.restarts)")
    }
  }

  /// The hosts that still take processes; asked all at the same time.
  private func answering(_ hosts: HostList, options: [String]) -> HostList {
    let names = hosts.hosts.map(\.name)
    let answers = Answers()
    DispatchQueue.concurrentPerform(iterations: names.count) { index in
      if LauncherProcess.reaches(names[index], options: options) { answers.add(names[index]) }
    }
    let kept = hosts.keeping(answers.names)
    for name in names where !answers.names.contains(name) {
      complain("\(name) does not answer and is left out")
    }
    return kept
  }
}

extension LauncherProcess.End {
  /// A rank was killed, hung, or its host is gone: worth another start.
  var isLostRank: Bool {
    exitCode == FailureReport.lostRankExitCode || exitCode > 128 || isRankLost
  }
}

/// Names put together by several threads.
private final class Answers: @unchecked Sendable {
  // Unchecked: `lock` guards the only property.
  private let lock = NSLock()
  private var found: Set<String> = []

  var names: Set<String> { lock.withLock { found } }

  func add(_ name: String) { lock.withLock { _ = found.insert(name) } }
}
