import Glibc
import Synchronization

/// What a rank does at a moment of a run.
///
/// The training loop says `Activity.reducing.begin(step: 12)` and the like at points which all ranks
/// pass in the same order; the `Watchdog` shows it to the other ranks. A rank is a process, so there
/// is one present activity per process.
public enum Activity: Int, CaseIterable, Sendable {
  case starting, computing, reducing, updating, comparing, calibrating, evaluating, saving
  /// A watchdog's: it has named a lost rank, and MPI is ending the others.
  case ending

  /// For a sentence: "rank 2 was …".
  public var text: String {
    switch self {
    case .starting: "starting"
    case .computing: "computing its shards"
    case .reducing: "summing gradients with the other ranks"
    case .updating: "updating the weights"
    case .comparing: "comparing bits with the other ranks"
    case .calibrating: "calibrating"
    case .evaluating: "evaluating"
    case .saving: "saving a checkpoint"
    case .ending: "ending the job"
    }
  }

  /// Ends the present activity of this process and begins this one.
  ///
  /// Every rank must pass the same sequence of these: who has passed fewer is behind.
  public func begin(step: Int) {
    Self.present.withLock { present in
      let now = monotonicNanoseconds()
      present.spent[present.activity.rawValue] += now - present.begin
      present.activity = self
      present.step = step
      present.mark += 1
      present.begin = now
      present.lastProgress = now
    }
  }

  /// A sign of progress in the midst of a long activity, for example after each picture.
  public static func goOn() {
    present.withLock { $0.lastProgress = monotonicNanoseconds() }
  }

  /// The time this process has spent so since the last such question. What is going on counts once
  /// it has ended.
  public func takeSeconds() -> Double {
    Self.present.withLock { present in
      defer { present.spent[rawValue] = 0 }
      return Double(present.spent[rawValue]) * 1e-9
    }
  }

  struct Present {
    var activity = Activity.starting
    var step = 0
    /// How many activities have begun.
    var mark = 0
    /// Monotonic nanoseconds.
    var begin = monotonicNanoseconds()
    var lastProgress = monotonicNanoseconds()
    var spent = [Int64](repeating: 0, count: Activity.allCases.count)
  }

  static let present = Mutex(Present())
}

func monotonicNanoseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
