import Foundation
import Synchronization

/// Passes on what a job writes to standard error, and picks out what `mpirun` says of a lost rank.
///
/// `mpirun` frames its own words with rules of dashes. Frames about the end of a job are left out,
/// because `launch` says the same in one sentence; all others, such as one about missing slots, are
/// passed on.
struct LauncherOutput {
  /// What was learned of the end of the job: "rank 1 on node2 was ended by signal 9 (Killed)".
  private(set) var loss: String?
  /// `mpirun` itself could not reach a host, or lost one.
  private(set) var hasLostHost = false

  /// A rank has ended the job because it lost another; `mpirun` should end soon.
  private(set) var isRankLost = false

  private var frame: [String]?

  /// - Returns: the lines to show for one more line.
  mutating func take(_ line: String) -> [String] {
    if line.hasPrefix("edgewise: \(lostRankMark)") { isRankLost = true }
    if line.hasPrefix("mpirun: Forwarding signal") { return [] }
    let isRule = line.count >= 60 && line.allSatisfy { $0 == "-" }
    guard var held = frame else {
      if isRule {
        frame = [line]
        return []
      }
      return [line]
    }
    held.append(line)
    // A frame that has no end is none.
    guard isRule || held.count > 40 else {
      frame = held
      return []
    }
    frame = nil
    return judge(held)
  }

  /// What is held back at the end.
  mutating func finish() -> [String] {
    defer { frame = nil }
    return frame ?? []
  }

  private mutating func judge(_ frame: [String]) -> [String] {
    let text = frame.joined(separator: " ")
    if let match = text.firstMatch(
      of: #/process rank (\d+) with PID \d+ on node (\S+) exited on signal (\d+) \(([^)]*)\)/#)
    {
      loss = "rank \(match.1) on \(match.2) was ended by signal \(match.3) (\(match.4))"
      return []
    }
    for words in [
      "lost communication with", "daemon has died unexpectedly", "was unable to reliably start",
      "unable to communicate with", "connection to a remote", "failed to respond",
    ] where text.contains(words) {
      hasLostHost = true
    }
    for words in [
      "Primary job", "Process name:", "MPI_ABORT was invoked", "exited due to a signal",
    ] where text.contains(words) {
      return []
    }
    return frame
  }
}
