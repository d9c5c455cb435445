public import Graphs

/// A plan that computes a graph for pictures of 8 bits and gives its outputs as real numbers.
public protocol ForwardPlan: AnyObject {
  var graph: Graph { get }
  var batchSize: Int { get }

  /// Takes pictures `[count, H, W, C]`, `x = p / 255`; fewer than the batch size leave the rest as it was.
  func setInput(_ pixels: UnsafePointer<UInt8>, count: Int?)
  func forward()
  /// The numbers of an output of the graph, `[N, H, W, C]`, valid until the next forward pass.
  func output(_ value: Int) -> UnsafeMutablePointer<Float>
}

extension InferencePlan: ForwardPlan {}
