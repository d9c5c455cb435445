import Graphs
import Quantization

extension DeployedNetwork {
  /// Values behind a site in the order of the nodes, under the names that they have as outputs of an exported model.
  var siteOutputs: [(name: String, value: Int, site: Int)] {
    var outputs: [(name: String, value: Int, site: Int)] = []
    for node in graph.nodes {
      guard case .fakeQuantize(let site) = node.operation else { continue }
      outputs.append((name: graph.values[node.output].name, value: node.output, site: site))
    }
    return outputs
  }

  /// Their grids as JSON: `[{"name": …, "scale": …, "zero_point": …}, …]`.
  var siteText: String {
    let entries = siteOutputs.map { output in
      let grid = grids[output.site]
      return
        "{\"name\": \(jsonString(output.name)), \"scale\": \(grid.scale), \"zero_point\": \(grid.zeroPoint)}"
    }
    return "[" + entries.joined(separator: ", ") + "]"
  }
}
