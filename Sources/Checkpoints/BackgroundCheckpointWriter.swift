import Dispatch
import Synchronization

/// Writes checkpoints behind the training: `submit` hands over a snapshot and returns.
///
/// One at a time: a second `submit` waits for the first write; whoever would rather leave it out asks
/// `isBusy`. The first error is kept; it is thrown by every later `submit`, which then writes
/// nothing, and by `finish`. Nothing here passes messages between ranks.
public final class BackgroundCheckpointWriter: Sendable {
  public let writer: CheckpointWriter

  private struct Outcome {
    var pending = 0
    var commits: [CheckpointCommit] = []
    var error: CheckpointError?
  }

  private let queue = DispatchQueue(label: "edgewise.checkpoints", qos: .utility)
  private let outcome = Mutex(Outcome())

  public init(_ writer: CheckpointWriter) { self.writer = writer }

  /// Whether a write is under way.
  public var isBusy: Bool { outcome.withLock { $0.pending > 0 } }

  /// Starts to write `contents`, after waiting for the write before it.
  ///
  /// - Parameter share: what of the checkpoint this process writes, where several share it;
  ///   `CheckpointWriter.prepare` must have been called for it. `nil`: all.
  /// - Throws: the first error of an earlier write.
  public func submit(
    _ contents: CheckpointContents, share: CheckpointShare? = nil
  ) throws(CheckpointError) {
    try wait()
    outcome.withLock { $0.pending += 1 }
    queue.async { [self] in
      let result = Result { () throws(CheckpointError) -> CheckpointCommit? in
        if let share { return try writer.write(contents, share: share) }
        return try writer.write(contents)
      }
      outcome.withLock { outcome in
        outcome.pending -= 1
        switch result {
        case .success(let commit): if let commit { outcome.commits.append(commit) }
        case .failure(let error): outcome.error = error
        }
      }
    }
  }

  /// Waits until nothing is being written, and returns what was since the last `finish`.
  ///
  /// - Throws: the first error.
  @discardableResult
  public func finish() throws(CheckpointError) -> [CheckpointCommit] {
    try wait()
    return outcome.withLock { outcome in
      defer { outcome.commits = [] }
      return outcome.commits
    }
  }

  /// Waits until nothing is being written.
  ///
  /// - Throws: the first error.
  public func wait() throws(CheckpointError) {
    queue.sync {}
    if let error = outcome.withLock({ $0.error }) { throw error }
  }
}
