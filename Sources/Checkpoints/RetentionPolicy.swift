/// Which checkpoints stay when a new one has been written.
public struct RetentionPolicy: Hashable, Sendable, Codable {
  /// How many of the newest complete checkpoints stay; at least 1. `nil`: all.
  public var keepLast: Int?
  /// Besides, of every run of so many steps (from 0, from `keepEverySteps`, from twice that, …) the
  /// first checkpoint stays; at least 1. `nil`: none.
  public var keepEverySteps: Int?
  /// Besides, the best by this metric stays.
  public var best: Best?

  /// The metric that decides, and its direction.
  public struct Best: Hashable, Sendable, Codable {
    public var metric: String
    public var higherIsBetter: Bool

    public init(metric: String, higherIsBetter: Bool = true) {
      self.metric = metric
      self.higherIsBetter = higherIsBetter
    }
  }

  public init(keepLast: Int? = nil, keepEverySteps: Int? = nil, best: Best? = nil) {
    precondition(keepLast.map { $0 >= 1 } ?? true, "keepLast \(keepLast!) is below 1")
    precondition(
      keepEverySteps.map { $0 >= 1 } ?? true, "keepEverySteps \(keepEverySteps!) is below 1")
    self.keepLast = keepLast
    self.keepEverySteps = keepEverySteps
    self.best = best
  }

  /// Keeps everything.
  public static let all = RetentionPolicy()

  /// The entries that may go, given that `committed` has just been written.
  ///
  /// Damaged ones are neither counted nor removed: what they are worth is for a person to say. Of
  /// equal metrics the newer one counts as the better.
  func expendable(_ entries: [CheckpointEntry], committed: Int) -> [CheckpointEntry] {
    guard let keepLast else { return [] }
    let complete = entries.filter(\.isComplete).sorted { $0.step > $1.step }
    var kept = Set(complete.prefix(max(keepLast, 1)).map(\.step))
    kept.insert(committed)
    if let keepEverySteps {
      var firsts: [Int: Int] = [:]
      // Newest first, so that the oldest of each run is what remains.
      for entry in complete { firsts[entry.step / keepEverySteps] = entry.step }
      kept.formUnion(firsts.values)
    }
    if let best, let entry = bestEntry(complete, best) { kept.insert(entry.step) }
    return complete.filter { !kept.contains($0.step) }
  }

  private func bestEntry(_ newestFirst: [CheckpointEntry], _ rule: Best) -> CheckpointEntry? {
    var found: (entry: CheckpointEntry, value: Double)?
    for entry in newestFirst {
      guard let value = entry.summary?.metrics[rule.metric], !value.isNaN else { continue }
      let isBetter = found.map { rule.higherIsBetter ? value > $0.value : value < $0.value }
      if isBetter ?? true { found = (entry, value) }
    }
    return found?.entry
  }
}
