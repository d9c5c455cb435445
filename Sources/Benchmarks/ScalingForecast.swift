/// The time of a training step on many ranks, from that on one: the α-β model.
///
/// Every rank computes the same number of pictures whatever the number P of ranks (weak scaling), in
/// `t` seconds. The n bytes of the gradient go through a reduce-scatter and an all-gather: P - 1
/// messages of n/P bytes in either, each costing α seconds and its bytes at β bytes per second. Of
/// that up to h seconds hide behind the backward pass.
///
///     communication(P) = 2 (P - 1) α + 2 (P - 1)/P · n/β
///     step(P)          = t + max(0, communication(P) - h)
///     efficiency(P)    = t / step(P)
public struct ScalingForecast: Hashable, Sendable {
  /// t
  public var computeSeconds: Double
  /// n
  public var byteCount: Int
  /// α, seconds per message
  public var latencySeconds: Double
  /// β
  public var bytesPerSecond: Double
  /// h; 0 if the reduction begins after the backward pass has ended.
  public var hiddenSeconds: Double

  public static let formula =
    "step(P) = t + max(0, 2(P-1)·α + 2(P-1)/P·n/β - h), efficiency(P) = t/step(P)"

  public init(
    computeSeconds: Double, byteCount: Int, latencySeconds: Double, bytesPerSecond: Double,
    hiddenSeconds: Double = 0
  ) {
    precondition(
      computeSeconds > 0 && byteCount >= 0 && latencySeconds >= 0 && bytesPerSecond > 0
        && hiddenSeconds >= 0, "no time, size or speed may be below zero")
    self.computeSeconds = computeSeconds
    self.byteCount = byteCount
    self.latencySeconds = latencySeconds
    self.bytesPerSecond = bytesPerSecond
    self.hiddenSeconds = hiddenSeconds
  }

  /// `2 (P - 1) α + 2 (P - 1)/P · n/β`
  public func communicationSeconds(ranks: Int) -> Double {
    precondition(ranks > 0, "\(ranks) ranks")
    let P = Double(ranks)
    return 2 * (P - 1) * latencySeconds + 2 * (P - 1) / P * Double(byteCount) / bytesPerSecond
  }

  public func stepSeconds(ranks: Int) -> Double {
    computeSeconds + max(0, communicationSeconds(ranks: ranks) - hiddenSeconds)
  }

  public func efficiency(ranks: Int) -> Double { computeSeconds / stepSeconds(ranks: ranks) }
}
