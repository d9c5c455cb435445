import Tensors

/// How large a graph from a file may be. The numbers lie far beyond YOLOv8x at 4096 pixels; they keep a
/// hostile file from taking the machine's memory and time.
public enum GraphLimits {
  /// Nodes, and as many values, parameters and sites.
  public static let nodes = 1 << 14
  public static let nameByteCount = 1024
  /// Of one parameter, and of all together.
  public static let parameterElements = 1 << 28
  public static let allParameterElements = 1 << 30
  /// Of one value for one image, and of all together.
  public static let valueElements = 1 << 30
  public static let allValueElements = 1 << 34
  /// Multiplications and comparisons for one image.
  public static let operations = 1 << 45
}

extension Graph {
  /// The numbers of all values for one image.
  ///
  /// - Precondition: the graph is validated, which bounds the sum.
  public var valueElementCount: Int { values.reduce(0) { $0 + $1.shape.elementCount } }

  /// Checks how much of everything there is, before anything is added or multiplied.
  func checkLimits() throws(GraphError) {
    func fail(_ reason: String) -> GraphError { GraphError(graph: name, reason: reason) }
    for (count, what) in [
      (nodes.count, "nodes"), (values.count, "values"), (parameters.count, "parameters"),
      (sites.count, "sites"),
    ] where count > GraphLimits.nodes {
      throw fail("it has \(count) \(what), the limit is \(GraphLimits.nodes)")
    }
    let names =
      [[name], nodes.map(\.name), values.map(\.name), parameters.map(\.name), sites.map(\.name)]
    for name in names.joined() where name.utf8.count > GraphLimits.nameByteCount {
      throw fail(
        "a name has \(name.utf8.count) bytes, the limit is \(GraphLimits.nameByteCount)")
    }
    try checkElements(
      parameters.map { ("parameter \($0.name)", $0.shape) }, each: GraphLimits.parameterElements,
      together: GraphLimits.allParameterElements, "parameters")
    try checkElements(
      values.map { ("value \($0.name)", $0.shape) }, each: GraphLimits.valueElements,
      together: GraphLimits.allValueElements, "values")
  }

  private func checkElements(
    _ shapes: [(what: String, shape: Shape)], each: Int, together: Int, _ all: String
  ) throws(GraphError) {
    var sum = 0
    for (what, shape) in shapes {
      guard let count = shape.checkedElementCount, count <= each else {
        throw GraphError(
          graph: name, reason: "\(what) has the shape \(shape); the limit is \(each) elements")
      }
      sum += count  // bounded: at most 2¹⁴ numbers of at most 2³⁰
    }
    guard sum <= together else {
      throw GraphError(
        graph: name, reason: "its \(all) have \(sum) elements, the limit is \(together)")
    }
  }
}

/// Counts what a graph has to compute.
struct GraphBudget {
  let graph: String
  private var operations = 0

  init(graph: String) { self.graph = graph }

  /// Takes in a node whose shapes fit its operation.
  mutating func add(_ node: Node, inputs: [Shape], output: Shape) throws(GraphError) {
    let perElement: [Int] =
      switch node.operation {
      case .convolution(_, let kernel, _, _, let groups, _):
        [kernel, kernel, inputs[0][2] / groups]  // bounded: the shapes fit, so there is one [H, W, C]
      case .maxPool(let kernel, _, _): [kernel, kernel]
      case .linear: [inputs[0][0]]  // bounded: the shapes fit, so there is one [C]
      default: []
      }
    // bounded: a join; the product is checked
    let needed = Shape(output.extents + perElement).checkedElementCount
    // bounded: never more than the limit
    guard let needed, needed <= GraphLimits.operations - operations else {
      throw GraphError(
        graph: graph, node: node.name,
        reason: "the graph needs more than \(GraphLimits.operations) operations for an image")
    }
    operations += needed  // bounded: just checked
  }
}
