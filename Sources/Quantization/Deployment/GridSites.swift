package import Graphs

/// For every value, the site on whose grid it lies: behind a `fakeQuantize`, and on through operations
/// that only move or select values of one grid.
package func gridSites(_ graph: Graph) -> [Int?] {
  var sites = [Int?](repeating: nil, count: graph.values.count)
  for node in graph.nodes {
    if case .fakeQuantize(let site) = node.operation {
      sites[node.output] = site
    } else if node.operation.keepsGrid {
      let first = sites[node.inputs[0]]
      sites[node.output] = node.inputs.allSatisfy { sites[$0] == first } ? first : nil
    }
  }
  return sites
}
