extension Recipe {
  /// `quantization`: what the int8 model must run on.
  public struct Quantization: Codable, Sendable, Hashable {
    public enum Target: String, Codable, Sendable, Hashable, CaseIterable {
      case tensorrt, tflite, edgetpu, onnxruntime
      /// Valid on all of them.
      case portable
    }

    public var target = Target.tensorrt
    public var weightBits = 8
    public var activationBits = 8
    /// Share of the newest step in the moving range of an activation.
    public var observerMomentum = 0.01

    public var calibration = Calibration()

    static let fields: [RecipeField] =
      [
        .choice("quantization.target", \.quantization.target),
        .integer("quantization.weightBits", \.quantization.weightBits, 2...8),
        .integer("quantization.activationBits", \.quantization.activationBits, 2...8),
        .number("quantization.observerMomentum", \.quantization.observerMomentum, 1e-6...1),
      ] + Calibration.fields
  }
}
