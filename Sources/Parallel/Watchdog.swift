import Foundation
import Glibc
public import MessagePassing
import Synchronization

/// Notices that ranks wait for one that does not come, and says which.
///
/// A thread of its own in each rank writes down every few moments what its rank is doing
/// (`Activity`, `StatusBoard`). Where its own rank has made no progress for half of
/// `hangSeconds`, it begins to follow what the others write; after `hangSeconds` it decides on whom
/// all wait. One rank then says it and ends the job, the lowest that is not itself in question, and
/// its line shows that (`Activity.ending`). Should it fail to, the others do so: three seconds later if
/// they see no such line, ten seconds after it if they do.
///
/// It also ends a job that was asked to stop and could not within `stopSeconds`; a rank that was frozen
/// meanwhile, and is woken by the end of the job, says nothing.
public final class Watchdog: Sendable {
  /// Why the job must end.
  public enum Alarm: Sendable {
    /// Sentence and table: which rank, and what each was last doing.
    case hang(String)
    /// A sentence: a stop was asked for, and saving takes too long.
    case slowStop(String)
  }

  private let communicator: Communicator
  private let board: StatusBoard
  private let hosts: [String]
  private let hangSeconds: Double
  private let stopSeconds: Double
  private let raise: @Sendable (Alarm) -> Void
  private let isOver = Mutex(false)
  /// Whose lines this rank can read: all, if the run folder is the same everywhere.
  private let isVisible: [Bool]

  /// Ranks whose lines cannot be read here; the run folder lies elsewhere for them.
  public var invisibleRanks: [Int] { isVisible.indices.filter { !isVisible[$0] } }

  /// Begins to watch.
  ///
  /// - Parameters:
  ///   - runFolder: seen by all hosts; the lines go to its folder `ranks`.
  ///   - hangSeconds: without progress, until the job is ended; 0 never.
  ///   - stopSeconds: from a stop signal to the end of the run; 0 as long as it takes.
  ///   - raise: says why and ends the job, on a thread of the watchdog.
  ///
  /// *Collective.* *Throws* `FailureReport`.
  public init(
    communicator: Communicator, runFolder: String, hangSeconds: Double, stopSeconds: Double,
    raise: @escaping @Sendable (Alarm) -> Void
  ) throws(FailureReport) {
    self.communicator = communicator
    self.hangSeconds = communicator.size > 1 ? hangSeconds : 0
    self.stopSeconds = stopSeconds
    self.raise = raise
    let board = StatusBoard(runFolder: runFolder)
    self.board = board
    let names = try communicator.together {
      try communicator.allGather(Array(communicator.hostName.utf8))
    }
    let hosts = names.map { String(decoding: $0, as: UTF8.self) }
    self.hosts = hosts
    guard self.hangSeconds > 0 else {
      isVisible = hosts.map { _ in true }
      if stopSeconds > 0 { watch() }
      return
    }
    if communicator.rank == 0 { board.clear() }
    try communicator.throwTogether(nil)
    board.write(.own(rank: communicator.rank, host: communicator.hostName, beat: 0))
    let processes = try communicator.together { try communicator.allGather(UInt64(getpid())) }
    try communicator.throwTogether(nil)
    isVisible = processes.indices.map { rank in
      board.read(rank: rank).map { UInt64($0.process) } == processes[rank]
    }
    watch()
  }

  /// Ends the watch, at a regular end.
  public func stop() {
    isOver.withLock { $0 = true }
    if hangSeconds > 0, communicator.rank == 0 { board.remove() }
  }

  private func watch() {
    let thread = Thread { [self] in follow() }
    thread.name = "watchdog"
    thread.start()
  }

  /// Between two beats.
  private var beatSeconds: Double { hangSeconds > 0 ? min(max(hangSeconds / 8, 0.05), 10) : 10 }

  /// How much longer than the lowest rank this one bears a slow stop, so that one of them speaks: after
  /// an abort `mpirun` takes a second to end the others.
  private var patience: Double { 2 * Double(min(communicator.rank, 5)) }

  private func follow() {
    let pause = min(beatSeconds, 0.25)
    var beat = 0
    var lastBeat = -Double.infinity
    var seen = [(beat: Int, since: Double)](repeating: (-1, 0), count: hosts.count)
    var statuses = [RankStatus?](repeating: nil, count: hosts.count)
    // When this rank first knew whom all wait for, and who was to say it then. Once the job is being
    // ended, ranks fall silent that are not to blame; what is seen then changes nothing.
    var decided: (since: Double, speaker: Int?)?
    // When this rank first saw that another is ending the job.
    var ending: Double?
    var lastLook = Double(monotonicNanoseconds()) * 1e-9
    var wakeTime = lastLook
    // A stop is over sooner than a hang, so shorter freezes count.
    var stopWakeTime = lastLook
    while true {
      usleep(UInt32(pause * 1e6))
      let now = Double(monotonicNanoseconds()) * 1e-9
      // This process itself was frozen: what it knows of the others is old, and they know it.
      if now - lastLook > 4 * pause + 0.5 { wakeTime = now }
      if now - lastLook > pause + min(0.5, stopSeconds / 2) { stopWakeTime = now }
      lastLook = now
      // Under the lock, so that nothing is written after `stop`.
      let ends = isOver.withLock { isOver in
        if !isOver, hangSeconds > 0, now - lastBeat >= beatSeconds {
          beat += 1
          lastBeat = now
          board.write(.own(rank: communicator.rank, host: communicator.hostName, beat: beat))
        }
        return isOver
      }
      if ends { return }
      if stopSeconds > 0, let waited = StopSignals.secondsSinceRequest,
        min(waited, now - stopWakeTime) > stopSeconds + patience
      {
        raise(.slowStop(slowStop(waited)))
        return
      }
      guard hangSeconds > 0 else { continue }
      let own = RankStatus.own(rank: communicator.rank, host: communicator.hostName, beat: beat)
      guard own.seconds > hangSeconds / 2, now - wakeTime > hangSeconds / 2 else {
        for rank in seen.indices { seen[rank] = (-1, now) }
        (decided, ending) = (nil, nil)
        continue
      }
      for rank in hosts.indices where isVisible[rank] {
        if rank == communicator.rank {
          statuses[rank] = own
          seen[rank] = (beat, now)
        } else if let status = board.read(rank: rank) {
          statuses[rank] = status
          if status.beat != seen[rank].beat { seen[rank] = (status.beat, now) }
        }
      }
      guard own.seconds > hangSeconds, now - wakeTime > hangSeconds else { continue }
      let isSilent = hosts.indices.map { rank in
        isVisible[rank] && rank != communicator.rank && now - seen[rank].since > 3 * beatSeconds
      }
      if statuses.contains(where: { $0?.activity == .ending }) { ending = ending ?? now }
      if let ending, now - ending < 10 { continue }
      guard
        let verdict = HangVerdict.judge(statuses, isSilent: isSilent, limit: hangSeconds)
      else {
        if let known = decided, now - known.since > 3 { decided = nil }
        continue
      }
      let suspects = Set(verdict.suspects)
      let speaker = hosts.indices.first { !suspects.contains($0) && !isSilent[$0] }
      let first = decided ?? (now, speaker)
      decided = first
      if first.speaker == communicator.rank || now - first.since > 3 {
        var line = own
        line.activity = .ending
        board.write(line)
        raise(.hang(verdict.report(statuses, hosts: hosts, limit: hangSeconds)))
        return
      }
    }
  }

  private func slowStop(_ waited: Double) -> String {
    let own = RankStatus.own(rank: communicator.rank, host: communicator.hostName, beat: 0)
    return
      "\(tenths(waited)) s after the signal to stop \(own.text) without progress; the job ends "
      + "without a new checkpoint, and `--resume auto` goes on from the one before "
      + "(`limits.stopSeconds` says how long a stop may take)"
  }
}
