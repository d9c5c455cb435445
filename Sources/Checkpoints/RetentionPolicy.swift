/// Which checkpoints stay when a new one has been written.
public struct RetentionPolicy: Hashable, Sendable, Codable {
  /// How many of the newest complete checkpoints stay; at least 1. `nil`: all.
  public var keepLast: Int?
  /// Besides, of every run of so many steps (from 0, from `keepEverySteps`, from twice that, …) the
  /// first checkpoint stays; at least 1. `nil`: none.
  public var keepEverySteps: Int?
  /// Besides, the best of each phase by this metric stays.
  public var best: Best?
  /// Besides, the newest of each phase stays: what the phase after it began with.
  public var keepsPhaseEnds: Bool

  /// The metric that decides, and its direction. Only a checkpoint that has the metric takes part.
  public struct Best: Hashable, Sendable, Codable {
    public var metric: String
    public var higherIsBetter: Bool

    public init(metric: String, higherIsBetter: Bool = true) {
      self.metric = metric
      self.higherIsBetter = higherIsBetter
    }
  }

  public init(
    keepLast: Int? = nil, keepEverySteps: Int? = nil, best: Best? = nil,
    keepsPhaseEnds: Bool = false
  ) {
    precondition(keepLast.map { $0 >= 1 } ?? true, "keepLast \(keepLast!) is below 1")
    precondition(
      keepEverySteps.map { $0 >= 1 } ?? true, "keepEverySteps \(keepEverySteps!) is below 1")
    self.keepLast = keepLast
    self.keepEverySteps = keepEverySteps
    self.best = best
    self.keepsPhaseEnds = keepsPhaseEnds
  }

  /// Keeps everything.
  public static let all = RetentionPolicy()

  /// The entries that may go, given that `committed` has just been written.
  ///
  /// Damaged ones are neither counted nor removed: what they are worth is for a person to say.
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
    if let best { kept.formUnion(best.ofEachPhase(complete).map(\.step)) }
    if keepsPhaseEnds {
      var seen: Set<String?> = []
      for entry in complete where seen.insert(entry.summary?.phase).inserted {
        kept.insert(entry.step)
      }
    }
    return complete.filter { !kept.contains($0.step) }
  }
}

extension RetentionPolicy.Best {
  /// The best complete checkpoint of each phase, oldest first. Of equal metrics the oldest counts as the
  /// best: what comes later has to be better to take its place.
  public func ofEachPhase(_ entries: [CheckpointEntry]) -> [CheckpointEntry] {
    var best: [String?: (entry: CheckpointEntry, value: Double)] = [:]
    for entry in entries.filter(\.isComplete).sorted(by: { $0.step < $1.step }) {
      guard let summary = entry.summary, let value = summary.metrics[metric], !value.isNaN else {
        continue
      }
      if let known = best[summary.phase]?.value {
        guard higherIsBetter ? value > known : value < known else { continue }
      }
      best[summary.phase] = (entry, value)
    }
    return best.values.map(\.entry).sorted { $0.step < $1.step }
  }
}
