extension CheckpointStore {
  /// What a removal of old checkpoints does, or would do.
  public struct Pruning: Hashable, Sendable, Codable {
    /// Steps, newest first.
    public var removed: [Int]
    public var kept: [Int]
    /// Damaged ones among the kept: they are left for a person to judge, and count for nothing.
    public var damaged: [Int]
    public var freedByteCount: Int
  }

  /// Removes the checkpoints that a rule lets go, but never the last whole one: if none of those that
  /// would stay passes verification, the newest one that does is kept too.
  ///
  /// - Parameter isTrial: removes nothing.
  /// - Throws: `CheckpointError`; `.noCheckpoint` where there is none.
  public func prune(
    _ policy: RetentionPolicy, isTrial: Bool = false
  ) throws(CheckpointError) -> Pruning {
    let entries = try list()
    guard let newest = entries.first(where: \.isComplete) else {
      throw .noCheckpoint(path: folder, skipped: entries.compactMap(\.problem))
    }
    var expendable = policy.expendable(entries, committed: newest.step)
    let going = Set(expendable.map(\.step))
    let isSafe = entries.contains { entry in
      entry.isComplete && !going.contains(entry.step) && verify(path: entry.path).isWhole
    }
    if !isSafe {
      guard let last = expendable.first(where: { verify(path: $0.path).isWhole }) else {
        throw .noCheckpoint(
          path: folder, skipped: ["nothing was removed, for no checkpoint passes verification"])
      }
      expendable.removeAll { $0.step == last.step }
    }
    // What stays may have its name from a process that ended before it synced.
    if !isTrial && !expendable.isEmpty { try syncFolder(folder) }
    var freed = 0
    for entry in expendable {
      freed += entry.summary?.storedByteCount ?? 0
      if !isTrial { try remove(step: entry.step) }
    }
    let removed = Set(expendable.map(\.step))
    return Pruning(
      removed: expendable.map(\.step).sorted(by: >),
      kept: entries.map(\.step).filter { !removed.contains($0) },
      damaged: entries.filter { !$0.isComplete }.map(\.step), freedByteCount: freed)
  }
}

extension CheckpointStore.Pruning {
  public func text(isTrial: Bool) -> String {
    let steps = removed.map(String.init).joined(separator: ", ")
    let doing = isTrial ? "would remove" : "removed"
    return removed.isEmpty
      ? "nothing to remove; \(kept.count) kept"
      : "\(doing) \(removed.count) (\(byteText(freedByteCount))): steps \(steps); "
        + "\(kept.count) kept"
  }
}
