public import Graphs
public import Quantization
import Tensors

/// A quantized graph computed on integers as its target does it: int8 values, int32 sums, batch norms
/// folded into scales and biases, requantization in the target's arithmetic.
///
/// It shares no loop with training's simulation, which it is held against, and none with the exporters'
/// runtimes. Convolutions are exact on every processor. One thread uses a plan; every value keeps
/// memory of its own, so that each can be read after a pass.
public final class IntegerPlan: ForwardPlan {
  /// Without batch norms; values have the names they had.
  public let graph: Graph
  public let batchSize: Int
  public let arithmetic: IntegerArithmetic
  private let compiled: IntegerCompiler.Result

  /// - Parameters:
  ///   - graph: with its batch norms and sites.
  ///   - weights: of every parameter, neither quantized nor folded.
  ///   - grids: one per site.
  /// - Throws: a sentence for weights that do not fit, and for a node that has no integers where this
  ///   arithmetic needs them.
  public init(
    graph: Graph, weights: NamedWeights, batchSize: Int, grids: [Grid],
    arithmetic: IntegerArithmetic
  ) throws(EngineError) {
    guard grids.count == graph.sites.count else {
      throw EngineError(
        "graph \(graph.name) has \(graph.sites.count) sites but \(grids.count) grids were given")
    }
    let network: DeployedNetwork
    do { network = try DeployedNetwork(graph: graph, weights: weights, grids: grids) } catch {
      throw EngineError(error.description)
    }
    self.graph = network.graph
    self.batchSize = batchSize
    self.arithmetic = arithmetic
    var compiler = IntegerCompiler(network, batchSize: batchSize, arithmetic)
    compiled = try compiler.compile()
  }

  /// Takes pictures `[count, H, W, C]`, `x = p / 255`; fewer than the batch size leave the rest as it was.
  public func setInput(_ pixels: UnsafePointer<UInt8>, count: Int? = nil) {
    let count = count ?? batchSize
    precondition(count <= batchSize, "\(count) pictures for a batch of \(batchSize)")
    guard case .real(let x) = compiled.storage[graph.inputs[0]] else {
      preconditionFailure("the input of \(graph.name) holds integers")
    }
    for i in 0..<count * graph.values[graph.inputs[0]].shape.elementCount {
      x[i] = Float(pixels[i]) / 255
    }
  }

  public func forward() { forward { _, _ in } }

  /// The same, and behind every operation that makes integers calls `made` with the value and its memory.
  ///
  /// What is written there is what later operations read: so each can be computed from given inputs.
  package func forward(_ made: (_ value: Int, _ integers: UnsafeMutablePointer<Int8>) -> Void) {
    for step in compiled.steps {
      step.run()
      if case .integers(let q, _) = compiled.storage[step.output] { made(step.output, q) }
    }
    for (value, real) in compiled.outputs {
      compiled.storage[value]?.copy(to: real, count: count(of: value))
    }
  }

  /// The integers of a value on a grid, `[N, H, W, C]`; `nil` of a real one, and inside an operation.
  package func integers(of value: Int) -> UnsafeBufferPointer<Int8>? {
    guard case .integers(let q, _) = compiled.storage[value] else { return nil }
    return UnsafeBufferPointer(start: q, count: count(of: value))
  }

  private func count(of value: Int) -> Int { batchSize * graph.values[value].shape.elementCount }

  /// The numbers of an output as real ones, `[N, H, W, C]`, valid until the next forward pass.
  public func output(_ value: Int) -> UnsafeMutablePointer<Float> {
    guard let real = compiled.outputs[value] else {
      preconditionFailure("\(graph.values[value].name) is no output")
    }
    return real
  }

  /// The operations that run, in order: what they are and the node that names them.
  package var operations: [(kind: String, node: String)] {
    compiled.steps.map { (String(describing: type(of: $0)), $0.name) }
  }
}
