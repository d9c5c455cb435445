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
  var extremes: [Extremes]
  /// Whether sites without a grid leave values as they are; otherwise all need one.
  var isPartial = false
  /// Set while calibration counts what the sites see.
  var histograms: SiteHistograms?
  /// Scratch that all steps use in turn.
  let tiles: Tiles
  private let tileMemory: AlignedBuffer
  /// Set while the input's pictures were put on their grid as they came in.
  var inputIsQuantized = false
  /// While profiling, seconds spent inside convolutions.
  var convolutionSeconds: Double?

  init(siteCount: Int, maximumChannels: Int) {
    grids = Array(repeating: nil, count: siteCount)
    extremes = Array(repeating: .init(), count: siteCount)
    let stride = Tiles.stride(C: maximumChannels)
    tileMemory = AlignedBuffer(byteCount: Tiles.count * stride * 4)
    tiles = Tiles(base: tileMemory.base.assumingMemoryBound(to: Float.self), stride: stride)
  }

  func resetExtremes() {
    for i in extremes.indices { extremes[i] = .init() }
  }

  func mode(at site: Int?) -> SiteMode {
    guard let site else { return .off }
    switch quantizationMode {
    case .off: return .off
    case .observe: return .observe(histograms?.place(site: site))
    case .quantize: return isPartial && grids[site] == nil ? .off : .quantize(grid(at: site))
    }
  }

  func grid(at site: Int) -> GridLanes {
    guard let grid = grids[site] else {
      preconditionFailure("site \(site) has no grid; set grids before a quantized pass")
    }
    return GridLanes(grid)
  }

  /// Several values may share a site: the site sees them all.
  func widen(_ site: Int?, _ seen: Extremes) {
    guard let site else { return }
    if seen.low < extremes[site].low { extremes[site].low = seen.low }
    if seen.high > extremes[site].high { extremes[site].high = seen.high }
  }

  /// An operand's decoding where its elements are bytes of a site's grid.
  func operand(_ rows: Rows, site: Int?) -> Pointwise.Operand {
    let decoding = rows.format == .gridByte ? grid(at: site!).decoding : .none
    return Pointwise.Operand(rows: rows, decoding: decoding)
  }

  @inline(__always)
  func timeConvolution(_ body: () -> Void) {
    guard let before = convolutionSeconds else { return body() }
    let start = monotonicSeconds()
    body()
    convolutionSeconds = before + monotonicSeconds() - start
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
