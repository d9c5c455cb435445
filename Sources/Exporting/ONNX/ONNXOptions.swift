/// What an exported ONNX file looks like from outside.
public struct ONNXOptions: Hashable, Sendable {
  /// Whether the number of pictures per run is left open (`batch`) instead of 1.
  public var hasDynamicBatch: Bool
  /// Whether the graph's own outputs are handed out (`[N, C, H, W]`, one per level and kind) instead
  /// of decoded `boxes` and `scores`.
  public var hasRawHeads: Bool
  /// Whether every value behind a site is an output too, under its name, dequantized; `edgewise.sites`
  /// of the metadata then has their grids.
  public var hasSites: Bool

  /// How quantized values are written.
  public var flavor: Flavor

  /// The runtime whose integer kernels a file is written for. The numbers are the same, but for biases
  /// rounded to a product of scales.
  public enum Flavor: Hashable, Sendable {
    /// int8 values, zero point 0 where the site is symmetric: what TensorRT takes.
    case tensorrt
    /// uint8 values, the zero point moved by 128, and int32 biases behind a `DequantizeLinear`: what
    /// onnxruntime's CPU provider turns into integer convolutions without an option of the session.
    case onnxruntime
  }

  public init(
    hasDynamicBatch: Bool = false, hasRawHeads: Bool = false, hasSites: Bool = false,
    flavor: Flavor = .tensorrt
  ) {
    self.hasDynamicBatch = hasDynamicBatch
    self.hasRawHeads = hasRawHeads
    self.hasSites = hasSites
    self.flavor = flavor
  }
}
