/// What a target does with a node other than training simulated, or does not do at all.
public struct TargetFinding: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// The export for this target ends with an error.
    case refused
    /// Computed in float: right, but not on the integer units.
    case float
    /// Computed by the host's processor, not by the accelerator.
    case cpu
    /// Computed on integers, but on others than training simulated.
    case deviates
    /// Part of it has no effect.
    case dead
  }

  public var node: String
  public var kind: Kind
  /// What about it, and what to do: the rest of a sentence that begins with the node.
  public var reason: String

  public init(_ node: String, _ kind: Kind, _ reason: String) {
    self.node = node
    self.kind = kind
    self.reason = reason
  }

  public var description: String { "\(node) (\(kind.rawValue)): \(reason)" }
}
