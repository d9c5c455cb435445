import Foundation
import Glibc
import Parallel
import Synchronization
import Texts

/// One run of `mpirun`, with its signals and its standard error in our hands.
final class LauncherProcess {
  /// How it ended.
  struct End {
    /// 128 + number where a signal ended `mpirun` itself.
    var exitCode: Int32
    var loss: String?
    /// A rank said that another is lost, or `mpirun` that a host is.
    var isRankLost: Bool
    /// A signal asked this program to stop meanwhile.
    var wasAskedToStop: Bool
  }

  /// Starts `mpirun` with `words`, waits for its end, and hands on signals.
  ///
  /// The first USR1, TERM or interrupt goes to `mpirun` as USR1, which reaches every rank and lets
  /// it save; a TERM would leave them one second. A second one, two seconds later or more, ends the
  /// job at once.
  static func run(_ words: [String]) throws -> End {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["mpirun"] + words
    process.environment = LauncherEnvironment.values
    process.standardInput = FileHandle.nullDevice
    let errors = Pipe()
    process.standardError = errors
    // mpirun ends the job where it cannot write. A terminal it may have: ranks look for one at its output.
    let progress = isatty(STDOUT_FILENO) == 1 ? nil : Pipe()
    if let progress { process.standardOutput = progress }
    do { try process.run() } catch {
      throw FailureReport(
        message:
          "mpirun cannot be started (\(error.localizedDescription)); check that /usr/bin/env works",
        exitCode: 1, rank: 0)
    }
    // A group of its own: an interrupt typed at the terminal must not end `mpirun` before ranks saved.
    _ = setpgid(process.processIdentifier, process.processIdentifier)

    let output = Mutex(LauncherOutput())
    let isRead = DispatchSemaphore(value: 0)
    readLines(errors) { line in
      for line in output.withLock({ $0.take(line) }) { complainOfRank(line) }
    } atEnd: {
      for line in output.withLock({ $0.finish() }) { complainOfRank(line) }
      isRead.signal()
    }
    if let progress {
      readLines(progress) {
        StandardOutput.show(printableForeignLine($0) + "\n")
      } atEnd: {
        isRead.signal()
      }
    }

    var handled = 0
    var lossTime: Date?
    var children = ChildWatch(of: process.processIdentifier)
    var isAlone = false
    while process.isRunning {
      usleep(20_000)
      if !isAlone, children.secondsAlone() > patienceSeconds {
        isAlone = true
        kill(process.processIdentifier, SIGKILL)
      }
      // mpirun waits for the daemon of a host that is cut off as long as TCP does.
      if lossTime == nil, output.withLock({ $0.isRankLost }) { lossTime = Date() }
      if let seconds = lossTime.map({ Date().timeIntervalSince($0) }), seconds > patienceSeconds {
        kill(process.processIdentifier, seconds > patienceSeconds + 3 ? SIGKILL : SIGTERM)
      }
      let asked = LaunchSignals.count
      guard asked > handled else { continue }
      handled = asked
      kill(process.processIdentifier, asked == 1 ? SIGUSR1 : SIGTERM)
    }
    process.waitUntilExit()
    // Ranks that outlive `mpirun` keep the pipe open; what they say can wait no longer.
    let patience = DispatchTime.now() + 2
    for _ in 0..<(progress == nil ? 1 : 2) { _ = isRead.wait(timeout: patience) }
    let found = output.withLock { $0 }
    let code = process.terminationStatus
    return End(
      exitCode: process.terminationReason == .uncaughtSignal ? 128 + code : code,
      loss: isAlone ? "no rank is left, and mpirun did not notice" : found.loss,
      isRankLost: isAlone || found.isRankLost || found.hasLostHost,
      wasAskedToStop: LaunchSignals.count > 0)
  }

  /// How long a job may take to end after a rank was found lost.
  private static let patienceSeconds = 10.0

  /// Whether a host takes processes: `mpirun` starts `true` there.
  static func reaches(_ host: String, options: [String], seconds: Int = 15) -> Bool {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments =
      ["timeout", "-k", "2", "\(seconds)", "mpirun", "--quiet"] + options
      + ["-H", "\(host):1", "-n", "1", "true"]
    process.environment = LauncherEnvironment.values
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  private static func complainOfRank(_ line: String) {
    StandardError.write(printableForeignLine(line) + "\n")
  }

  /// Hands over, on a thread of its own, each line that `pipe` brings, also a last one without its end.
  private static func readLines(
    _ pipe: Pipe, line: @escaping @Sendable (String) -> Void, atEnd: @escaping @Sendable () -> Void
  ) {
    let file = pipe.fileHandleForReading
    Thread.detachNewThread {
      var held: [UInt8] = []
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        // `read(2)` gives what is there; a `FileHandle` waits for as many bytes as were asked for.
        let count = read(file.fileDescriptor, &bytes, bytes.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        held += bytes[..<count]
        while let end = held.firstIndex(of: UInt8(ascii: "\n")) {
          line(String(decoding: held[..<end], as: UTF8.self))
          held.removeSubrange(...end)
        }
      }
      if !held.isEmpty { line(String(decoding: held, as: UTF8.self)) }
      atEnd()
    }
  }
}

/// The signals that ask `launch` to end its job.
enum LaunchSignals {
  /// How often was asked; repetitions within two seconds count once.
  static var count: Int { requests.load(ordering: .relaxed) }

  static func install() {
    requests.store(0, ordering: .sequentiallyConsistent)
    lastRequest.store(0, ordering: .sequentiallyConsistent)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = noteRequest
    action.sa_flags = SA_RESTART
    sigemptyset(&action.sa_mask)
    for number in [SIGUSR1, SIGTERM, SIGINT] { sigaction(number, &action, nil) }
  }
}

private let requests = Atomic<Int>(0)
/// Monotonic seconds.
private let lastRequest = Atomic<Int>(0)

/// Calls only what POSIX allows in a handler: clock_gettime.
private func noteRequest(_ number: Int32) {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  let now = Int(time.tv_sec)
  let first = requests.load(ordering: .relaxed) == 0
  if first || now - lastRequest.load(ordering: .relaxed) > 2 {
    requests.add(1, ordering: .relaxed)
    lastRequest.store(now, ordering: .relaxed)
  }
}
