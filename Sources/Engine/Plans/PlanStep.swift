import Graphs
import Quantization
import Tensors

/// One piece of a plan's work, with its memory bound.
protocol PlanStep: AnyObject {
  var name: String { get }
  /// Whether it is a convolution, for the share of time they take.
  var isConvolution: Bool { get }
  /// Takes over changed parameters; once per optimizer step.
  func prepareWeights()
  func forward(_ state: PlanState)
  func backward(_ state: PlanState)
}

extension PlanStep {
  var isConvolution: Bool { false }
  func prepareWeights() {}
}

/// What steps read and write besides their own memory.
final class PlanState {
  var batchNormMode = BatchNormMode.batch
  var quantizationMode = QuantizationMode.off
  /// One per site of the graph.
  var grids: [Grid?]
  /// What was seen at each site since the last reset.
  var extremes: [Pointwise.Extremes]

  init(siteCount: Int) {
    grids = Array(repeating: nil, count: siteCount)
    extremes = Array(repeating: .init(), count: siteCount)
  }

  func resetExtremes() {
    for i in extremes.indices { extremes[i] = .init() }
  }

  func mode(at site: Int?) -> Pointwise.Mode {
    guard let site else { return .off }
    switch quantizationMode {
    case .off: return .off
    case .observe: return .observe
    case .quantize:
      guard let grid = grids[site] else {
        preconditionFailure("site \(site) has no grid; set grids before a quantized pass")
      }
      return .quantize(.init(grid))
    }
  }
}

/// Which mean and variance a batch norm uses.
public enum BatchNormMode: Sendable {
  /// Those of the shard at hand.
  case batch
  /// The running ones: frozen batch norm, and inference.
  case running
}

/// What happens at the sites of a graph.
public enum QuantizationMode: Sendable {
  case off
  /// Values pass unchanged; their extremes are recorded.
  case observe
  /// Values are put on the grid; their extremes before that are recorded.
  case quantize
}
