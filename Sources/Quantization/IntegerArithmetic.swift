/// How a target makes integers of the next grid from sums of products of integers.
public enum IntegerArithmetic: String, Hashable, Sendable, Codable, CaseIterable {
  /// Biases are int32; a fixed-point factor (`FixedPointFactor`) rounds twice. Everything is integers.
  ///
  /// *Source:* LiteRT's own integer kernels, `reference/integer_ops`.
  case fixedPoint = "fixed-point"
  /// Biases are int32; the sum times a factor in FP32 is rounded once, ties to even. What has no
  /// integers on one of its sides is computed in FP32.
  ///
  /// *Source:* onnxruntime's MLAS, `MlasRequantizeOutput`; XNNPACK, `qs8` with FP32 requantization.
  case floatFactor = "float-factor"
  /// Sums become real numbers in FP32; bias, activation and addition are FP32 too; then the result is
  /// rounded onto its grid, ties to even. What training simulates.
  ///
  /// *Source:* TensorRT's fused int8 convolutions as its developer guide describes them.
  case floatEpilogue = "float-epilogue"
}

extension Target {
  /// The arithmetic of the target's own kernels; of `portable`, that of training.
  public var arithmetic: IntegerArithmetic {
    switch self {
    case .tflite, .edgetpu: .fixedPoint
    case .onnxruntime: .floatFactor
    case .tensorrt, .portable: .floatEpilogue
    }
  }
}
