public import Quantization
import Tensors

/// How many values of each site fell between its edges, over all forward passes of a plan that
/// observes.
///
/// All counts lie one behind another, so that ranks can add theirs: integers, exact in any order.
public final class SiteHistograms {
  public let binCount: Int
  private let ranges: [Quantization.Extremes?]
  private let memory: AlignedBuffer

  /// - Parameter ranges: by site, between which ends it counts; a site without a range counts nothing.
  public init(over ranges: [Quantization.Extremes?], binCount: Int) {
    precondition(binCount > 0, "\(binCount) bins")
    self.binCount = binCount
    self.ranges = ranges
    memory = AlignedBuffer(byteCount: max(1, ranges.count) * (binCount + 1) * 8)
  }

  /// By site, the counts of its bins, then how many values were NaN or infinite.
  public var counts: UnsafeMutablePointer<UInt64> {
    memory.base.assumingMemoryBound(to: UInt64.self)
  }
  public var count: Int { ranges.count * (binCount + 1) }

  /// What a site has counted; `nil` for one without a range.
  public func histogram(site: Int) -> Histogram? {
    ranges[site].map { range in
      let first = counts + site * (binCount + 1)
      return Histogram(
        over: range, counts: Array(UnsafeBufferPointer(start: first, count: binCount)),
        unusableCount: first[binCount])
    }
  }

  func place(site: Int) -> SiteCounts? {
    ranges[site].map {
      SiteCounts(
        edges: HistogramEdges(over: $0, binCount: binCount),
        counts: counts + site * (binCount + 1), unusable: counts + site * (binCount + 1) + binCount)
    }
  }
}

/// Where the values of one site are counted.
struct SiteCounts {
  var edges: HistogramEdges
  var counts, unusable: UnsafeMutablePointer<UInt64>

  func take(_ tile: UnsafePointer<Float>, count: Int) {
    unusable.pointee += edges.count(tile, count, into: counts)
  }
}
