extension Recipe {
  /// `model`: the network and the size of picture it sees.
  public struct Model: Codable, Sendable, Hashable {
    public enum Architecture: String, Codable, Sendable, Hashable, CaseIterable {
      case yolov8n, yolov8s, yolov8m, yolov8l, yolov8x
    }

    public enum Activation: String, Codable, Sendable, Hashable, CaseIterable {
      case silu, relu, relu6
    }

    public var architecture = Architecture.yolov8n
    public var activation = Activation.silu
    /// Side of the square letterbox in pixels. The coarsest head has stride 32, so a multiple of it.
    public var inputSize = 320

    static let fields: [RecipeField] = [
      .choice("model.architecture", \.model.architecture),
      .choice("model.activation", \.model.activation),
      .integer("model.inputSize", \.model.inputSize, 32...4096, multipleOf: 32),
    ]
  }
}
