import Checkpoints
import Graphs
import Parallel
import Quantization
import Reporting
import Tensors

/// A quantized site as a checkpoint holds it.
struct SiteDescription: Codable {
  var name: String
  var bits: Int
  /// What was observed, or is known beforehand; absent before calibration.
  var low, high: Float?
  var batchCount: Int?
  var isFixed: Bool
  var scale: Float?
  var zeroPoint: Int?
  /// The part of the observed range that the grid does not reach and clips.
  var saturation: Float?
  /// The part of the grid's integers that the observed range uses.
  var use: Float?

  static func all(_ reader: CheckpointReader) throws -> [SiteDescription] {
    let graph: Graph
    do { graph = try reader.manifest.graph.decoded(as: Graph.self) } catch {
      throw FailureReport(
        message: "\(reader.path): its graph cannot be read (\(error))", exitCode: 65, rank: 0)
    }
    return try graph.sites.map { site in
      var result = SiteDescription(
        name: site.name, bits: site.bits, isFixed: site.fixedRange != nil)
      if let fixed = site.fixedRange {
        (result.low, result.high) = (fixed.low, fixed.high)
      } else if let record = reader.record(site.name, role: .observer), record.shape == [3],
        record.dtype == .float32
      {
        let values = try reader.read(record).values(as: Float.self)
        (result.low, result.high) = (values[0], values[1])
        result.batchCount = Int(exactly: values[2])
      }
      guard let low = result.low, let high = result.high, low.isFinite, high.isFinite, low <= high,
        (2...16).contains(site.bits)
      else { return result }
      let grid = try learnedGrid(site, graph, reader) ?? site.grid(covering: low, high)
      // bounded: 32 bits in 64
      (result.scale, result.zeroPoint) = (grid.scale, Int(grid.zeroPoint))
      // bounded: floats
      let width = high - low
      if width > 0 {
        let clipped = max(grid.low - low, 0) + max(high - grid.high, 0)  // bounded: floats
        result.saturation = clipped / width
      }
      // bounded: integers of a grid of at most 16 bits
      let (used, all) = (
        grid.quantize(high) - grid.quantize(low) + 1, grid.maximum - grid.minimum + 1
      )
      result.use = Float(used) / Float(all)
      return result
    }
  }

  /// The grid of a site that learns its range, as it would be deployed.
  private static func learnedGrid(_ site: Site, _ graph: Graph, _ reader: CheckpointReader) throws
    -> Grid?
  {
    guard let learned = site.learned, graph.parameters.indices.contains(learned.parameter) else {
      return nil
    }
    // bounded: compared with the indices just before
    let name = graph.parameters[learned.parameter].name
    guard let record = reader.record(name, role: .ema) ?? reader.record(name, role: .parameter),
      record.shape == [site.hasTwoEnds ? 2 : 1], record.dtype == .float32
    else { return nil }
    return try reader.read(record).withElements(as: Float.self) {
      // bounded: one or two numbers, just checked
      site.grid(learned: learned.method, $0.baseAddress!)
    }
  }

  static func table(_ sites: [SiteDescription]) -> String {
    guard !sites.isEmpty else { return "no sites: a checkpoint of the float phase has none" }
    func text(_ value: Float?) -> String {
      value.map { brief(Double($0)) } ?? "-"
    }
    var table = TextTable(
      [.left("site")]
        + ["bits", "low", "high", "scale", "zero point", "clipped %", "used %", "batches"]
        .map { .right($0) })
    for site in sites {
      table.append([
        site.name, "\(site.bits)", text(site.low), text(site.high), text(site.scale),
        // bounded: floats
        site.zeroPoint.map(String.init) ?? "-", text(site.saturation.map { $0 * 100 }),
        text(site.use.map { $0 * 100 }),
        site.isFixed ? "fixed" : site.batchCount.map(String.init) ?? "-",
      ])
    }
    return table.description
  }
}
