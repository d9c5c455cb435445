import Foundation
import Glibc
import MessagePassing
import Synchronization

/// What a rank last said of itself.
public struct RankStatus: Equatable, Sendable {
  public var rank: Int
  public var host: String
  public var process: Int32
  /// Counts up as long as the process runs.
  public var beat: Int
  /// How many activities it has begun: the place in the sequence that all ranks pass.
  public var mark: Int
  public var activity: Activity
  public var step: Int
  /// Time without progress.
  public var seconds: Double
  /// The MPI function it was in, if it was in one.
  public var call: String?

  /// "rank 2 (node1, process 71) was computing its shards at step 40 for 3.1 s"
  public var text: String {
    let place = call.map { ", inside \($0)" } ?? ""
    return
      "rank \(rank) (\(host), process \(process)) was \(activity.text) at step \(step)\(place), "
      + "for \(tenths(seconds)) s"
  }

  /// This process now.
  static func own(rank: Int, host: String, beat: Int) -> RankStatus {
    Activity.present.withLock { present in
      RankStatus(
        rank: rank, host: host, process: getpid(), beat: beat, mark: present.mark,
        activity: present.activity, step: present.step,
        seconds: Double(monotonicNanoseconds() - present.lastProgress) * 1e-9,
        call: CallUnderWay.function)
    }
  }

  /// One line of words. The first and last are the same, so that half of an older line is noticed.
  package var line: String {
    let words = [
      "\(beat)", "\(mark)", "\(rank)", host, "\(process)", "\(activity)", "\(step)",
      tenths(seconds), call ?? "-", "\(beat)",
    ]
    return words.joined(separator: " ") + "\n"
  }

  /// `nil` where the line is not whole.
  package init?(line: String) {
    let end = line.firstIndex(of: "\n") ?? line.endIndex
    let words = line[..<end].split(separator: " ").map(String.init)
    guard words.count == 10, words[0] == words[9], end != line.endIndex,
      let beat = Int(words[0]), let mark = Int(words[1]), let rank = Int(words[2]),
      let process = Int32(words[4]), let step = Int(words[6]), let seconds = Double(words[7]),
      let activity = Activity.allCases.first(where: { "\($0)" == words[5] })
    else { return nil }
    self.init(
      rank: rank, host: words[3], process: process, beat: beat, mark: mark, activity: activity,
      step: step, seconds: seconds, call: words[8] == "-" ? nil : words[8])
  }

  package init(
    rank: Int, host: String, process: Int32, beat: Int, mark: Int, activity: Activity, step: Int,
    seconds: Double, call: String?
  ) {
    self.rank = rank
    self.host = host
    self.process = process
    self.beat = beat
    self.mark = mark
    self.activity = activity
    self.step = step
    self.seconds = seconds
    self.call = call
  }
}

/// One decimal.
func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
