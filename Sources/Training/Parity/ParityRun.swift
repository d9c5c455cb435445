public import Detection
import Engine
import Graphs
public import Quantization
package import Tensors

/// One model computed in up to three ways over the same pictures, compared integer by integer at every site:
/// training's simulation, the integer engine, and the exported model in its own runtime.
///
/// Each pair is compared twice. End to end: both compute the whole network, and an integer that rounded to
/// the other side moves what follows. Operator by operator: the integer engine computes each operator from
/// the other's inputs, so that every difference is that operator's own.
public final class ParityRun {
  /// A pair's differences at one site.
  public struct SiteDifferences: Sendable {
    public var name: String
    public var endToEnd = StepHistogram()
    public var byOperator = StepHistogram()
  }

  /// A pair's differences.
  public struct Comparison: Sendable {
    public var sites: [SiteDifferences]

    public var endToEnd: StepHistogram { total(\.endToEnd) }
    public var byOperator: StepHistogram { total(\.byOperator) }

    private func total(_ part: KeyPath<SiteDifferences, StepHistogram>) -> StepHistogram {
      sites.reduce(into: StepHistogram()) { $0 += $1[keyPath: part] }
    }
  }

  /// Where a value lies on a grid that it was rounded to.
  package struct SiteValue: Sendable {
    package var name: String
    package var grid: Grid
    /// Extents of one picture.
    package var shape: Shape
    fileprivate var integer: Int
    fileprivate var simulated: Int
  }

  /// In the order of the graph; the order in which an exported model hands them out.
  package let sites: [SiteValue]
  public let arithmetic: IntegerArithmetic
  private let simulation: InferencePlan
  private let integers: IntegerPlan
  private let siteOfValue: [Int: Int]
  private var points: [[Int8]]
  public private(set) var simulated: Comparison
  public private(set) var runtime: Comparison

  /// - Throws: where the model has no ranges, or a node has no integers in this arithmetic.
  public init(_ model: DeployedModel, arithmetic: IntegerArithmetic) throws {
    let (graph, grids) = try model.requireQuantized()
    self.arithmetic = arithmetic
    var options = model.recipe.forwardOptions(graph)
    options.keepsSites = true
    simulation = try InferencePlan(
      graph: graph, weights: model.weights, batchSize: 1, grids: grids, options: options)
    integers = try IntegerPlan(
      graph: graph, weights: model.weights, batchSize: 1, grids: grids, arithmetic: arithmetic)
    let valueOfName = Dictionary(
      zip(graph.values.map(\.name), graph.values.indices), uniquingKeysWith: { first, _ in first })
    var sites: [SiteValue] = []
    for node in integers.graph.nodes {
      guard case .fakeQuantize(let site) = node.operation else { continue }
      let value = integers.graph.values[node.output]
      sites.append(
        SiteValue(
          name: value.name, grid: grids[site], shape: value.shape, integer: node.output,
          simulated: valueOfName[value.name]!))
    }
    self.sites = sites
    siteOfValue = Dictionary(
      uniqueKeysWithValues: sites.enumerated().map { ($0.element.integer, $0.offset) })
    points = sites.map { [Int8](repeating: 0, count: $0.shape.elementCount) }
    simulated = Comparison(sites: sites.map { SiteDifferences(name: $0.name) })
    runtime = simulated
  }

  /// The heads of one picture, computed in each way.
  public struct Heads {
    public var simulated: [HeadOutputs]
    public var integers: [HeadOutputs]
  }

  /// Computes and compares one picture.
  ///
  /// - Parameters:
  ///   - pixels: `[H, W, 3]`.
  ///   - runtime: the integers of every site from the exported model, in the order of `sites`.
  /// - Returns: heads whose numbers are valid until the next call.
  public func run(_ pixels: UnsafePointer<UInt8>, runtime other: [[Int8]]?) -> Heads {
    simulation.setInput(pixels, count: 1)
    simulation.forward()
    for (index, site) in sites.enumerated() {
      let values = simulation.numbers(of: site.simulated)!
      for i in points[index].indices {
        points[index][i] = Int8(truncatingIfNeeded: site.grid.quantize(values[i]))
      }
    }
    integers.setInput(pixels, count: 1)
    compareByOperator(points, \.simulated)
    if let other { compareByOperator(other, \.runtime) }
    integers.forward()
    compareEndToEnd(points, \.simulated)
    if let other { compareEndToEnd(other, \.runtime) }
    return Heads(simulated: simulation.headOutputs, integers: integers.headOutputs)
  }

  private func compareEndToEnd(
    _ given: [[Int8]], _ pair: ReferenceWritableKeyPath<ParityRun, Comparison>
  ) {
    for (index, site) in sites.enumerated() {
      let own = integers.integers(of: site.integer)!
      given[index].withUnsafeBufferPointer {
        self[keyPath: pair].sites[index].endToEnd.add(own, $0)
      }
    }
  }

  private func compareByOperator(
    _ given: [[Int8]], _ pair: ReferenceWritableKeyPath<ParityRun, Comparison>
  ) {
    integers.forward { value, made in
      guard let index = siteOfValue[value] else { return }
      given[index].withUnsafeBufferPointer { points in
        self[keyPath: pair].sites[index].byOperator.add(
          UnsafeBufferPointer(start: made, count: points.count), points)
        made.update(from: points.baseAddress!, count: points.count)
      }
    }
  }
}
