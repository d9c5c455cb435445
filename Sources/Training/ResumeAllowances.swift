/// What may be otherwise than in the checkpoint that a run goes on from or begins with.
public struct ResumeAllowances: OptionSet, Hashable, Sendable {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Other images or labels, and other `data.*`: the epoch begins anew on them.
  public static let changedData = ResumeAllowances(rawValue: 1)
  /// Another `system.threads`: the last bits may become others.
  public static let otherThreads = ResumeAllowances(rawValue: 2)
  /// A warm start may take fewer weights than `Trainer.leastWarmStart` of the network's.
  public static let partialWeights = ResumeAllowances(rawValue: 4)

  /// Whether a key may differ though it decides bits.
  func permits(_ key: String) -> Bool {
    (contains(.changedData) && key.hasPrefix("data."))
      || (contains(.otherThreads) && key == "system.threads")
  }
}
