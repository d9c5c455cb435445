/// What the int8 model must run on.
public enum Target: String, Hashable, Sendable, Codable, CaseIterable {
  case tensorrt, tflite, edgetpu, onnxruntime, portable

  /// The rules by which sites are placed. `nil` where they are not known to this version.
  public var placement: PlacementRules? {
    switch self {
    case .tensorrt:
      PlacementRules(symmetric: true, quantizesFusedAddends: false, quantizesOutputs: false)
    case .portable:
      PlacementRules(symmetric: true, quantizesFusedAddends: true, quantizesOutputs: true)
    case .tflite, .edgetpu, .onnxruntime: nil
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
}
