public import Tensors

/// Where each parameter of a graph lies in flat memory: learned numbers in one vector, statistics
/// of batch norms in another. Segments start on cache lines; the gaps stay zero.
///
/// Learned scales of quantizers come first: the backward pass finishes gradients from the end of the
/// vector to its beginning, and those of a site that many nodes share are final with the last of them.
/// So a float graph and the same graph with quantizers behind its parameters agree on all `offsets`.
public struct ParameterLayout: Hashable, Sendable {
  public struct Segment: Hashable, Sendable {
    public var name: String
    public var shape: Shape
    public var role: Parameter.Role
    /// In elements.
    public var offset: Int

    public var count: Int { shape.elementCount }
    public var range: Range<Int> { offset..<offset + count }
  }

  /// The learned parameters: those of quantizers, then the others, each in the graph's order.
  public private(set) var trainable: [Segment] = []
  /// Running means and variances, in the graph's order.
  public private(set) var statistics: [Segment] = []
  /// Elements of the flat vectors, gaps included.
  public private(set) var trainableCount = 0
  /// Elements at the beginning of the learned ones that belong to quantizers.
  public private(set) var quantizerCount = 0
  public private(set) var statisticsCount = 0
  /// For each parameter of the graph, its offset in its vector.
  public private(set) var offsets: [Int] = []

  private static let alignment = AlignedBuffer.alignment / DType.float32.byteCount

  public init(_ graph: Graph) {
    offsets = Array(repeating: 0, count: graph.parameters.count)
    place(graph, quantizers: true)
    quantizerCount = trainableCount
    place(graph, quantizers: false)
  }

  private mutating func place(_ graph: Graph, quantizers: Bool) {
    for (index, parameter) in graph.parameters.enumerated()
    where parameter.role.isQuantizer == quantizers {
      var segment = Segment(
        name: parameter.name, shape: parameter.shape, role: parameter.role, offset: 0)
      let room = (segment.count + Self.alignment - 1) / Self.alignment * Self.alignment
      if parameter.role.isTrainable {
        segment.offset = trainableCount
        trainable.append(segment)
        trainableCount += room
      } else {
        segment.offset = statisticsCount
        statistics.append(segment)
        statisticsCount += room
      }
      offsets[index] = segment.offset
    }
  }
}
