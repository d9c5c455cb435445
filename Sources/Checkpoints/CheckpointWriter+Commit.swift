import Tensors

/// How a checkpoint that was written whole takes its place.
///
/// `scripts/model/checkpoints.pml` is a model of these steps; a change here is a change there.
extension CheckpointWriter {
  func commit(
    _ temporary: String, to path: String, _ manifest: Manifest
  ) throws(CheckpointError) -> CheckpointCommit.Outcome {
    guard isFolder(path) else {
      try move(temporary, to: path)
      try syncFolder(store.folder)
      return .written
    }
    var isWhole = false
    if let old = try? CheckpointReader(path: path), old.problems().isEmpty {
      isWhole = true
      if let difference = try tensorDifference(old, manifest, in: temporary) {
        throw .conflict(path: path, difference: difference)
      }
      if old.manifest == manifest || losesScore(old.manifest, manifest) {
        return try leave(temporary)
      }
    }
    if !exchange(temporary, path) {
      // A file system that cannot exchange two folders in one step: a whole checkpoint must not
      // be away even for a moment, so it stays, with its older notes.
      if isWhole { return try leave(temporary) }
      let old = joined(
        store.folder,
        CheckpointStore.temporaryPrefix + "replaced-"
          + CheckpointStore.folderName(step: manifest.step))
      try removeTree(old)
      try move(path, to: old)
      try move(temporary, to: path)
      try syncFolder(store.folder)
      try removeTree(old)
      return .replaced
    }
    try syncFolder(store.folder)
    try removeTree(temporary)
    return .replaced
  }

  /// Keeps what is there. Its name may be the work of a process that ended before its own sync, and
  /// what comes next is to remove others.
  private func leave(_ temporary: String) throws(CheckpointError) -> CheckpointCommit.Outcome {
    try removeTree(temporary)
    try syncFolder(store.folder)
    return .unchanged
  }

  /// Whether the older notes hold the score by which the best is found, and the newer ones do not.
  private func losesScore(_ old: Manifest, _ new: Manifest) -> Bool {
    guard let metric = retention.best?.metric else { return false }
    return old.metrics[metric] != nil && new.metrics[metric] == nil
  }

  /// The first tensor that two manifests describe with different contents, in words.
  private func tensorDifference(
    _ old: CheckpointReader, _ new: Manifest, in temporary: String
  ) throws(CheckpointError) -> String? {
    let found = Dictionary(uniqueKeysWithValues: old.manifest.tensors.map { ($0.key, $0) })
    guard found.count == new.tensors.count else {
      return "\(found.count) tensors there, \(new.tensors.count) here"
    }
    for record in new.tensors {
      guard let other = found[record.key] else { return "it has no \(record.key)" }
      guard other.shape == record.shape, other.dtype == record.dtype else {
        return "\(record.key) differs"
      }
      let isEqual: Bool
      if other.frames.map(\.rawLength) == record.frames.map(\.rawLength) {
        isEqual = other.frames.map(\.xxh64) == record.frames.map(\.xxh64)
      } else {
        // Cut by another version of the program: only the bytes themselves can tell.
        let written = try CheckpointReader(path: temporary).read(record)
        isEqual = try old.read(other).isBitwiseEqual(to: written)
      }
      guard isEqual else { return "\(record.key) differs" }
    }
    return nil
  }

  /// Removes what the retention rule lets go, and returns the paths.
  func prune(committed: Int) throws(CheckpointError) -> [String] {
    var removed: [String] = []
    if retention.keepLast != nil {
      for entry in retention.expendable(try store.list(), committed: committed) {
        try store.remove(step: entry.step)
        removed.append(entry.path)
      }
    }
    return removed
  }
}

/// What `CheckpointWriter.write` did.
public struct CheckpointCommit: Hashable, Sendable {
  public enum Outcome: String, Hashable, Sendable {
    /// The step was not saved before.
    case written
    /// A damaged checkpoint, or one with the same tensors and older notes, was replaced.
    case replaced
    /// The same checkpoint was there already.
    case unchanged
  }

  public let path: String
  public let outcome: Outcome
  public let rawByteCount: Int
  public let storedByteCount: Int
  /// The folders that retention removed.
  public let removed: [String]
}
