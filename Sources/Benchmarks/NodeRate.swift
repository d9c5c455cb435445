public import Engine

/// How fast one convolution of a profiled step was.
public struct NodeRate: Hashable, Sendable {
  /// 10⁹ operations per second over all its passes.
  public var gigaOperationsPerSecond: Double
  /// The time its passes would take at the core's peaks, divided by the time they took; `nil` where
  /// a peak is not known.
  public var shareOfPeak: Double?

  /// - Parameters:
  ///   - operationCount: of one pass; all passes of a convolution have the same number.
  ///   - implementations: one per pass, in oneDNN's words, which tell what a pass multiplies.
  ///   - seconds: of all passes together.
  public init(
    operationCount: Int, implementations: [String], seconds: Double, peak: ComputePeak
  ) {
    let passCount = Double(implementations.count)
    gigaOperationsPerSecond = Double(operationCount) * passCount / seconds * 1e-9
    var leastSeconds: Double? = 0
    for name in implementations {
      let rate = peak[ComputePeak.Arithmetic(implementation: name)]
      leastSeconds = leastSeconds.flatMap { sum in
        rate.map { sum + Double(operationCount) * 1e-9 / $0 }
      }
    }
    shareOfPeak = leastSeconds.map { $0 / seconds }
  }

  /// The rate of a profiled convolution in the time inside it alone; `nil` for other pieces, and for one that did not run.
  public init?(_ entry: PlanProfile.Entry, peak: ComputePeak) {
    let seconds = entry.kernelSeconds
    guard entry.isConvolution, !entry.implementations.isEmpty, seconds > 0 else { return nil }
    self.init(
      operationCount: entry.operationCount, implementations: entry.implementations,
      seconds: seconds, peak: peak)
  }
}
