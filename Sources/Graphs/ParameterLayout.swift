public import Tensors

/// Where each parameter of a graph lies in flat memory: learned numbers in one vector, statistics
/// of batch norms in another. Segments start on cache lines; the gaps stay zero.
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

  /// The learned parameters, in the graph's order.
  public private(set) var trainable: [Segment] = []
  /// Running means and variances, in the graph's order.
  public private(set) var statistics: [Segment] = []
  /// Elements of the flat vectors, gaps included.
  public private(set) var trainableCount = 0
  public private(set) var statisticsCount = 0
  /// For each parameter of the graph, its offset in its vector.
  public private(set) var offsets: [Int] = []

  private static let alignment = AlignedBuffer.alignment / DType.float32.byteCount

  public init(_ graph: Graph) {
    for parameter in graph.parameters {
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
      offsets.append(segment.offset)
    }
  }
}
