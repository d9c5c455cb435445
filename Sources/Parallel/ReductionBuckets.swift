/// How the reduced vector is cut: into buckets that go on their way one after another, and each
/// bucket into one slice per rank.
///
/// A sum is made element by element, so no cut changes a bit of it.
enum ReductionBuckets {
  /// Elements on one cache line; cuts lie between lines.
  static let line = 16

  /// The usual length, 1 MiB: short enough to be cached from the shard's gradients to the exchange,
  /// and so that little is left to do when the backward pass ends; long enough that the messages
  /// cost nothing.
  static let usualLength = 1 << 18

  /// The buckets of a vector of `total` elements, from its end to its beginning.
  ///
  /// The first one holds what is known before the backward pass: everything from `gradientCount` on.
  /// The length follows from the counts alone, for at most some 32 of them.
  static func cut(gradientCount: Int, total: Int, length: Int? = nil) -> [Range<Int>] {
    let rounded = (gradientCount + line - 1) / line * line
    let length = length ?? max(usualLength, (rounded / 32 + line - 1) / line * line)
    precondition(length > 0 && length % line == 0, "buckets of \(length) elements")
    var upper = min(rounded, total)
    var buckets = [upper..<total]
    while upper > 0 {
      let lower = (upper - 1) / length * length
      buckets.append(lower..<upper)
      upper = lower
    }
    return buckets.filter { !$0.isEmpty }
  }

  /// Cuts `range` into `count` slices that begin on whole cache lines; the last ones may be empty.
  static func slices(of range: Range<Int>, count: Int) -> [Range<Int>] {
    let lines = (range.count + line - 1) / line
    let length = (lines + count - 1) / count * line
    return (0..<count).map {
      min(
        range.lowerBound + $0 * length, range.upperBound)..<min(
          range.lowerBound + ($0 + 1) * length, range.upperBound)
    }
  }
}
