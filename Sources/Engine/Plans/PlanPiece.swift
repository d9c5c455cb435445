import Graphs

/// One or more nodes of a graph that become one step.
struct PlanPiece {
  /// The node that names it; of a pointwise chain the first.
  var node: Int
  var inputs: [Int]
  var output: Int
  /// Set for a pass over single elements.
  var chain: PointwiseChain?
  /// Channels of its input and nothing to do.
  var isView = false

  /// Filled in when the backward pass is laid out.
  var backward: PieceBackward?
}

/// Batch norm, activation, site, addition, site in a row, each optional.
struct PointwiseChain {
  var norm: Int?
  var activation: Activation?
  var innerSite: Int?
  var residual: Int?
  var outerSite: Int?

  /// The site whose grid the output lies on.
  var outputSite: Int? { residual == nil ? innerSite : outerSite }
}

/// A part of a value's gradient while memory is only asked for.
struct PlannedPart {
  var request: Int
  var format: ElementFormat
  var rowStride: Int
  /// Where in a row of the buffer it begins.
  var bufferChannel: Int
  /// Which of the value's channels it covers.
  var channel, channels: Int

  func isWhole(of C: Int) -> Bool { channel == 0 && channels == C && rowStride == C }
  func coversAll(of C: Int) -> Bool { channel == 0 && channels == C }
}

/// The buffers of a piece's backward pass.
struct PieceBackward {
  /// The output's gradient.
  var parts: [PlannedPart]
  /// Gets the sum of the parts, where one array is needed and they are none.
  var sum: PlannedPart?
  /// Of a pointwise pass.
  var dz: PlannedPart?
  var dx: PlannedPart?
  var dResidual: PlannedPart?
}

extension [PlanPiece] {
  /// The pieces of a graph: what can be one pass over memory is one.
  init(_ graph: Graph) {
    self = []
    let consumers = graph.consumers()
    var absorbed = Set<Int>()
    /// Values that exist when the next piece runs.
    var made = Set(graph.inputs)
    for (index, node) in graph.nodes.enumerated() where !absorbed.contains(index) {
      var piece = PlanPiece(node: index, inputs: node.inputs, output: node.output)
      if var last = Place(node.operation, after: nil) {
        var chain = PointwiseChain()
        chain.take(node, index, last)
        piece.inputs = [node.inputs[0]]
        while consumers[piece.output].count == 1, !graph.outputs.contains(piece.output) {
          let nextIndex = consumers[piece.output][0]
          let next = graph.nodes[nextIndex]
          guard let place = Place(next.operation, after: last) else { break }
          if place == .addition {
            let other = next.inputs[next.inputs[0] == piece.output ? 1 : 0]
            guard made.contains(other) else { break }
            chain.residual = other
          } else {
            chain.take(next, nextIndex, place)
          }
          absorbed.insert(nextIndex)
          piece.output = next.output
          last = place
        }
        piece.chain = chain
      }
      if case .slice = node.operation { piece.isView = !graph.outputs.contains(node.output) }
      made.insert(piece.output)
      append(piece)
    }
  }
}

/// The places of operations inside a pointwise pass, in order.
private enum Place: Int {
  case norm, activation, innerSite, addition, outerSite

  /// The place of an operation that follows `last`, or begins a pass.
  init?(_ operation: Operation, after last: Place?) {
    switch operation {
    case .batchNorm: self = .norm
    case .activation: self = .activation
    case .add: self = .addition
    case .fakeQuantize: self = last == .addition ? .outerSite : .innerSite
    default: return nil
    }
    if let last, rawValue <= last.rawValue { return nil }
  }
}

extension PointwiseChain {
  fileprivate mutating func take(_ node: Node, _ index: Int, _ place: Place) {
    switch (place, node.operation) {
    case (.norm, _): norm = index
    case (.activation, .activation(let kind)): activation = kind
    case (.innerSite, .fakeQuantize(let site)): innerSite = site
    case (.outerSite, .fakeQuantize(let site)): outerSite = site
    case (.addition, _): residual = node.inputs[1]
    default: preconditionFailure("\(node.operation.name) at \(place)")
    }
  }
}
