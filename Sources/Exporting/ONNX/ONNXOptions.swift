/// What an exported ONNX file looks like from outside.
public struct ONNXOptions: Hashable, Sendable {
  /// Whether the number of pictures per run is left open (`batch`) instead of 1.
  public var hasDynamicBatch: Bool
  /// Whether the graph's own outputs are handed out (`[N, C, H, W]`, one per level and kind) instead
  /// of decoded `boxes` and `scores`.
  public var hasRawHeads: Bool

  public init(hasDynamicBatch: Bool = false, hasRawHeads: Bool = false) {
    self.hasDynamicBatch = hasDynamicBatch
    self.hasRawHeads = hasRawHeads
  }
}
