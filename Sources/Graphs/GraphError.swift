/// Why a graph cannot be used. The description is a sentence for the user.
public struct GraphError: Error, Hashable, Sendable, CustomStringConvertible {
  public var graph: String
  public var node: String?
  public var reason: String

  public init(graph: String, node: String? = nil, reason: String) {
    self.graph = graph
    self.node = node
    self.reason = reason
  }

  public var description: String {
    if let node { "graph \(graph), node \(node): \(reason)" } else { "graph \(graph): \(reason)" }
  }
}
