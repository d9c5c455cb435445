import Dispatch
import Synchronization

/// Writes checkpoints behind the training: `submit` hands over a snapshot and returns.
///
/// One at a time: a second `submit` waits for the first write. The first error is kept; it is
/// thrown by every later `submit`, which then writes nothing, and by `finish`.
public final class BackgroundCheckpointWriter: Sendable {
  public let writer: CheckpointWriter

  private struct Outcome {
    var commits: [CheckpointCommit] = []
    var error: CheckpointError?
  }

  private let queue = DispatchQueue(label: "edgewise.checkpoints")
  private let outcome = Mutex(Outcome())

  public init(_ writer: CheckpointWriter) { self.writer = writer }

  /// Starts to write `contents`, after waiting for the write before it.
  ///
  /// - Throws: the first error of an earlier write.
  public func submit(_ contents: CheckpointContents) throws(CheckpointError) {
    try wait()
    queue.async { [self] in
      do throws(CheckpointError) {
        let commit = try writer.write(contents)
        outcome.withLock { $0.commits.append(commit) }
      } catch {
        outcome.withLock { $0.error = error }
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

  private func wait() throws(CheckpointError) {
    queue.sync {}
    if let error = outcome.withLock({ $0.error }) { throw error }
  }
}
