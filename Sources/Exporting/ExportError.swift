public import Graphs

/// Why a model cannot be exported. The description is a sentence for the user; nothing was written.
public enum ExportError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The graph or its weights are not usable.
  case graph(GraphError)
  /// A site of the graph has no grid yet.
  case missingGrid(graph: String, site: String, siteCount: Int, gridCount: Int)
  /// More grids than the graph has sites.
  case surplusGrids(graph: String, siteCount: Int, gridCount: Int)
  /// A grid that int8 cannot hold, or that the site's scheme forbids.
  case unusableGrid(graph: String, site: String, reason: String)
  /// A parameter with NaN or infinity in it, a negative variance, or a scale that is not positive.
  case notFinite(graph: String, parameter: String)
  /// The detector's head does not cover the input as its strides say.
  case unreadableHead(graph: String, reason: String)
  /// A node that the target has no means for.
  case notExpressible(graph: String, node: String, target: String, reason: String)
  /// Protocol buffers end at 2 GiB.
  case tooLarge(graph: String)

  public var description: String {
    switch self {
    case .graph(let error): error.description
    case .missingGrid(let graph, let site, let siteCount, let gridCount):
      "graph \(graph): site \(site) has no grid (\(gridCount) grids for \(siteCount) sites); "
        + "calibrate the model before exporting it as int8"
    case .surplusGrids(let graph, let siteCount, let gridCount):
      "graph \(graph): \(gridCount) grids for \(siteCount) sites; expected one grid per site"
    case .unusableGrid(let graph, let site, let reason):
      "graph \(graph): the grid of site \(site) \(reason)"
    case .notFinite(let graph, let parameter):
      "graph \(graph): parameter \(parameter) holds NaN or infinity, a negative variance or a scale that is not positive; "
        + "export an earlier checkpoint"
    case .unreadableHead(let graph, let reason): "graph \(graph): \(reason)"
    case .notExpressible(let graph, let node, let target, let reason):
      "graph \(graph), node \(node): \(target) cannot compute it: \(reason)"
    case .tooLarge(let graph):
      "graph \(graph): the model is larger than the 2 GiB that an ONNX file can hold"
    }
  }
}
