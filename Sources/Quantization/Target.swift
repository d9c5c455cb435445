public import Graphs

/// What the int8 model must run on.
public enum Target: String, Hashable, Sendable, Codable, CaseIterable {
  /// NVIDIA TensorRT, explicit quantization.
  case tensorrt
  /// LiteRT (TensorFlow Lite) on integers alone.
  case tflite
  /// Google Coral: what its compiler maps of a TFLite model.
  case edgetpu
  /// onnxruntime's CPU provider.
  case onnxruntime
  /// Valid on all of them.
  case portable

  /// The rules by which sites are placed for this target: the one table of them.
  ///
  /// | | tensorrt | tflite, edgetpu | onnxruntime | portable |
  /// |---|---|---|---|---|
  /// | zero point | 0 | any | any | 0 |
  /// | both addends quantized | no: one fuses | yes | yes | yes |
  /// | outputs quantized | no | yes | yes | yes |
  /// | SiLU | one operation | LOGISTIC and MUL | Sigmoid and Mul | one operation |
  /// | sigmoid's grid | – | 1/256, -128 | 1/256, -128 | – |
  /// | bits of activations | 2 ... 8 | 8 | 2 ... 8 | 8 |
  public var rules: PlacementRules {
    switch self {
    case .tensorrt:
      PlacementRules(
        symmetric: true, quantizesFusedAddends: false, quantizesOutputs: false, fusesSiLU: true,
        sigmoidRange: nil, activationBits: 2...8,
        source:
          "NVIDIA TensorRT developer guide, Working with Quantized Types, explicit quantization"
      )
    case .tflite:
      PlacementRules(
        symmetric: false, quantizesFusedAddends: true, quantizesOutputs: true, fusesSiLU: false,
        sigmoidRange: .wholeLogistic, activationBits: 8...8,
        source: "LiteRT 8-bit quantization specification")
    case .edgetpu:
      PlacementRules(
        symmetric: false, quantizesFusedAddends: true, quantizesOutputs: true, fusesSiLU: false,
        sigmoidRange: .wholeLogistic, activationBits: 8...8,
        source:
          "LiteRT 8-bit quantization specification; Coral, TensorFlow models on the Edge TPU")
    case .onnxruntime:
      PlacementRules(
        symmetric: false, quantizesFusedAddends: true, quantizesOutputs: true, fusesSiLU: false,
        sigmoidRange: .wholeLogistic, activationBits: 2...8,
        source: "onnxruntime, Quantize ONNX Models: QDQ format, and its QDQ selectors")
    case .portable:
      PlacementRules(
        symmetric: true, quantizesFusedAddends: true, quantizesOutputs: true, fusesSiLU: true,
        sigmoidRange: nil, activationBits: 8...8,
        source: "what tensorrt, tflite, edgetpu and onnxruntime all accept")
    }
  }
}

/// How a target wants its activations quantized.
public struct PlacementRules: Hashable, Sendable {
  /// Zero point 0. TensorRT accepts nothing else; the others accept it.
  public var symmetric: Bool
  /// Whether the value that a convolution hands to an addition alone is a tensor of its own.
  /// TensorRT fuses convolution, activation and addition and wants only the other addend quantized.
  public var quantizesFusedAddends: Bool
  /// Whether the graph's outputs are integers too, as a fully integer runtime needs.
  public var quantizesOutputs: Bool
  /// Whether a SiLU is one operation with the convolution before it. Else it is a sigmoid and a
  /// product, with integers between, and the convolution's output is a tensor as well.
  public var fusesSiLU: Bool
  /// The range of every sigmoid's output, where the runtime fixes its grid.
  public var sigmoidRange: Site.FixedRange?
  /// What the target's integer tensors can hold.
  public var activationBits: ClosedRange<Int>
  /// Where the rules are written.
  public var source: String
}

extension Site.FixedRange {
  /// 0 ... 255/256: affine at 8 bits, exactly the scale 1/256 and the zero point -128 that TFLite's
  /// LOGISTIC has.
  public static let wholeLogistic = Self(low: 0, high: 255.0 / 256)
}
