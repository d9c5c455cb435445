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

/// Batch norm, function, site, addition or product with another value, site in a row, each optional.
struct PointwiseChain {
  var norm: Int?
  var function = ElementFunction.identity
  /// The sites inside a SiLU that the graph has as a sigmoid and a product.
  var gateInputSite, gateSite: Int?
  var innerSite: Int?
  var residual: Int?
  /// Whether the residual is a factor rather than an addend.
  var multiplies = false
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
  ///
  /// - Parameter kept: values that must lie in memory behind their piece.
  init(_ graph: Graph, keeping kept: Set<Int>) {
    self = []
    let search = GateSearch(graph, keeping: kept)
    let consumers = search.consumers
    var absorbed = Set<Int>()
    /// Values that exist when the next piece runs.
    var made = Set(graph.inputs)
    for (index, node) in graph.nodes.enumerated() where !absorbed.contains(index) {
      var piece = PlanPiece(node: index, inputs: node.inputs, output: node.output)
      var chain = PointwiseChain()
      var last: Place?
      if let gate = search.gate(beginningAt: index) {
        last = chain.take(gate, &piece, &absorbed)
        piece.inputs = [node.inputs[0]]
      } else if let place = Place(node.operation, after: nil) {
        chain.take(node, index, place)
        last = place
        piece.inputs = [node.inputs[0]]
      }
      while let place = last, !kept.contains(piece.output) {
        if place < .function, let gate = search.gate(behind: piece.output) {
          last = chain.take(gate, &piece, &absorbed)
          continue
        }
        guard consumers[piece.output].count == 1 else { break }
        let nextIndex = consumers[piece.output][0]
        let next = graph.nodes[nextIndex]
        guard let nextPlace = Place(next.operation, after: place) else { break }
        let other = next.inputs.first { $0 != piece.output }
        if nextPlace == .residual, !made.contains(other!) { break }
        chain.take(next, nextIndex, nextPlace)
        if nextPlace == .residual { chain.residual = other }
        absorbed.insert(nextIndex)
        piece.output = next.output
        last = nextPlace
      }
      if last != nil { piece.chain = chain }
      if case .slice = node.operation { piece.isView = !kept.contains(node.output) }
      made.insert(piece.output)
      append(piece)
    }
  }
}

/// The places of operations inside a pointwise pass, in order.
private enum Place: Int, Comparable {
  case norm, function, innerSite, residual, outerSite

  /// The place of an operation that follows `last`, or begins a pass.
  init?(_ operation: Graphs.Operation, after last: Place?) {
    switch operation {
    case .batchNorm: self = .norm
    case .activation, .sigmoid: self = .function
    case .add, .multiply: self = .residual
    case .fakeQuantize: self = last == .residual ? .outerSite : .innerSite
    default: return nil
    }
    if let last, self <= last { return nil }
  }

  static func < (a: Place, b: Place) -> Bool { a.rawValue < b.rawValue }
}

extension PointwiseChain {
  fileprivate mutating func take(_ node: Node, _ index: Int, _ place: Place) {
    switch (place, node.operation) {
    case (.norm, _): norm = index
    case (.function, .activation(let kind)): function = ElementFunction(kind)
    case (.function, _): function = .sigmoid
    case (.innerSite, .fakeQuantize(let site)): innerSite = site
    case (.outerSite, .fakeQuantize(let site)): outerSite = site
    case (.residual, let operation):
      residual = node.inputs[1]
      multiplies = operation == .multiply
    default: preconditionFailure("\(node.operation.name) at \(place)")
    }
  }

  fileprivate mutating func take(
    _ gate: GateSearch.Gate, _ piece: inout PlanPiece, _ absorbed: inout Set<Int>
  ) -> Place {
    function = .silu
    (gateInputSite, gateSite) = (gate.inputSite, gate.site)
    absorbed.formUnion(gate.nodes)
    piece.output = gate.output
    return .function
  }
}

extension Graph {
  func isConvolution(_ piece: PlanPiece) -> Bool {
    switch nodes[piece.node].operation {
    case .convolution, .linear: true
    default: false
    }
  }
}
