import Graphs
import Quantization
import Tensors

/// The sites of a plan that learn their ranges: their grids from the parameters before a step, and the
/// parameters' gradients from what the passes added up.
struct LearnedSites {
  private struct Entry {
    var site: Int
    var rules: Site
    var method: LearnedRange.Method
    var values: UnsafeMutablePointer<Float>
    /// `nil` in a plan for inference.
    var gradient: UnsafeMutablePointer<Float>?
    var factor: Float
  }

  private var entries: [Entry] = []

  /// - Parameter gradients: in the layout of the store.
  init(_ graph: Graph, _ store: ParameterStore, gradients: UnsafeMutablePointer<Float>?) {
    var counts = [Int](repeating: 0, count: graph.sites.count)
    for node in graph.nodes {
      guard case .fakeQuantize(let site) = node.operation else { continue }
      counts[site] += graph.values[node.output].shape.elementCount
    }
    for (index, site) in graph.sites.enumerated() {
      guard let learned = site.learned else { continue }
      entries.append(
        Entry(
          site: index, rules: site, method: learned.method,
          values: store.address(of: learned.parameter, in: graph),
          gradient: gradients.map { $0 + store.layout.offsets[learned.parameter] },
          factor: scaleGradientFactor(count: counts[index], levels: site.positiveLevels)))
    }
  }

  /// Grids that follow from changed parameters.
  func setGrids(_ state: PlanState) {
    for entry in entries {
      state.grids[entry.site] = entry.rules.grid(learned: entry.method, entry.values)
    }
  }

  func clearSums(_ state: PlanState) {
    for entry in entries {
      for i in 0..<3 { state.siteSums[3 * entry.site + i] = 0 }
    }
  }

  /// The gradients, once every pass of the backward direction is done.
  func writeGradients(_ state: PlanState) {
    for entry in entries {
      guard let gradient = entry.gradient else { continue }
      let sums = state.siteSums + 3 * entry.site
      let (first, second) = entry.rules.learnedGradient(
        entry.method, SiteSums(inside: sums[0], above: sums[1], below: sums[2]))
      gradient[0] = Float(first) * entry.factor
      if entry.rules.hasTwoEnds { gradient[1] = Float(second) * entry.factor }
    }
  }
}
