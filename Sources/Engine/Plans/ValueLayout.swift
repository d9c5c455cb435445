import Graphs
import Tensors

/// Where and how the values of a graph lie in memory.
///
/// Slices are views. What a concat joins is written into the concat's buffer by whoever makes it; a
/// value that cannot be is copied there.
struct ValueLayout {
  /// Some channels of another value.
  struct View {
    var root: Int
    var channel: Int
  }

  struct Home {
    var request: Int
    var rowStride: Int
    /// Where in a row of the buffer the value begins.
    var channel: Int
  }

  let graph: Graph
  let N: Int
  /// By value: what it is a part of; itself where it is a whole.
  private(set) var view: [View]
  private(set) var format: [ElementFormat]
  /// Whose grid the bytes of a value are of.
  private(set) var site: [Int?]
  /// By value: set for wholes that a piece makes, and inputs.
  private(set) var home: [Home?]

  init(
    _ graph: Graph, _ pieces: [PlanPiece], batchSize: Int, _ options: PlanOptions,
    _ memory: inout MemoryRequests
  ) {
    self.graph = graph
    N = batchSize
    view = graph.values.indices.map { View(root: $0, channel: 0) }
    site = Array(repeating: nil, count: graph.values.count)
    format = Array(repeating: .float32, count: graph.values.count)
    home = Array(repeating: nil, count: graph.values.count)
    for piece in pieces { describe(piece, options) }
    placeConcats(pieces, &memory)
    for value in graph.inputs { placeAlone(value, &memory) }
    for piece in pieces where !piece.isView && home[piece.output] == nil {
      placeAlone(piece.output, &memory)
    }
  }

  func channels(_ value: Int) -> Int {
    let shape = graph.values[value].shape
    return shape[shape.rank - 1]
  }

  func rowCount(_ value: Int) -> Int {
    N * graph.values[value].shape.elementCount / channels(value)
  }

  /// Format and site of a piece's output; what it is a view of.
  private mutating func describe(_ piece: PlanPiece, _ options: PlanOptions) {
    let value = piece.output
    let isOutput = graph.outputs.contains(value)
    let operation = graph.nodes[piece.node].operation
    if let chain = piece.chain {
      site[value] = chain.outputSite
    } else if operation.keepsGrid {
      let sites = Set(piece.inputs.map { site[$0] })
      site[value] = sites.count == 1 ? sites.first! : nil
    }
    if piece.isView, case .slice(let from, _) = operation {
      let of = view[piece.inputs[0]]
      view[value] = View(root: of.root, channel: of.channel + from)
      format[value] = format[of.root]
      return
    }
    if isOutput { return }
    // Only a pass puts numbers on a grid; everything else can but pass bytes on.
    let canBeBytes =
      piece.chain != nil
      || piece.inputs.allSatisfy { format[view[$0].root] == .gridByte }
    if let site = site[value], options.integerConvolutions, graph.sites[site].bits <= 8, canBeBytes
    {
      format[value] = .gridByte
    } else if options.precision == .bfloat16,
      piece.chain != nil || operation.keepsGrid || isPlainConvolution(piece)
    {
      format[value] = .bfloat16
    }
  }

  /// Weights on a grid give sums that FP32 alone holds.
  private func isPlainConvolution(_ piece: PlanPiece) -> Bool {
    graph.isConvolution(piece) && graph.nodes[piece.node].weightBits == nil
  }

  private mutating func placeAlone(_ value: Int, _ memory: inout MemoryRequests) {
    let C = channels(value)
    let request = memory.request(byteCount: rowCount(value) * C * format[value].byteCount)
    home[value] = Home(request: request, rowStride: C, channel: 0)
  }

  private mutating func placeConcats(_ pieces: [PlanPiece], _ memory: inout MemoryRequests) {
    var maker: [Int: PlanPiece] = [:]
    for piece in pieces { maker[piece.output] = piece }
    for piece in pieces {
      guard case .concat = graph.nodes[piece.node].operation else { continue }
      placeAlone(piece.output, &memory)
      let whole = home[piece.output]!
      var channel = 0
      for (i, input) in piece.inputs.enumerated() {
        let root = view[input].root
        if canMove(root, into: piece, from: i, maker[root]) {
          home[root] = Home(
            request: whole.request, rowStride: whole.rowStride, channel: channel)
        }
        channel += channels(input)
      }
    }
  }

  /// Whether `root` can be written straight into a concat, whose inputs from `i` on make all of it.
  private func canMove(_ root: Int, into concat: PlanPiece, from i: Int, _ maker: PlanPiece?)
    -> Bool
  {
    guard home[root] == nil, let maker, format[root] == format[concat.output],
      !graph.outputs.contains(root)
    else { return false }
    switch graph.nodes[maker.node].operation {
    case .batchNorm, .activation, .sigmoid, .fakeQuantize, .add, .multiply, .upsample, .maxPool:
      break
    default: return false
    }
    var channel = 0
    for input in concat.inputs[i...] {
      guard channel < channels(root), view[input].root == root, view[input].channel == channel
      else { break }
      channel += channels(input)
    }
    return channel == channels(root)
  }

  /// The rows of a value once memory has places.
  func rows(_ value: Int, _ places: MemoryRequests.Places) -> Rows {
    let of = view[value]
    let home = home[of.root]!
    let format = format[of.root]
    let offset = (home.channel + of.channel) * format.byteCount
    return Rows(
      base: places.address(home.request) + offset, rowStride: home.rowStride,
      channels: channels(value), format: format)
  }

  func request(_ value: Int) -> Int { home[view[value].root]!.request }

  /// Whether its rows follow one another without gaps.
  func isDense(_ value: Int) -> Bool {
    home[view[value].root]!.rowStride == channels(value)
  }
}
