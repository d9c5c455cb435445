import Foundation

/// Notices a process that waits though none of those that it started is left.
///
/// `mpirun` of Open MPI 4.1 does so where a rank dies inside `MPI_Init`: it misses the end of its connection and
/// waits for ever.
struct ChildWatch {
  private let path: String
  private var hasHadChildren = false
  private var lonelySince: Date?

  init(of process: pid_t) { path = "/proc/\(process)/task/\(process)/children" }

  /// For how many seconds no child has been left; 0 before there was one, and where the system does not say.
  mutating func secondsAlone(now: Date = Date()) -> Double {
    guard let children = FileManager.default.contents(atPath: path) else { return 0 }
    guard children.isEmpty else {
      (hasHadChildren, lonelySince) = (true, nil)
      return 0
    }
    guard hasHadChildren else { return 0 }
    let since = lonelySince ?? now
    lonelySince = since
    return now.timeIntervalSince(since)
  }
}
