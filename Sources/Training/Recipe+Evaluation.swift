extension Recipe {
  /// `evaluation`: how the model is scored while it trains.
  public struct Evaluation: Codable, Sendable, Hashable {
    /// Epochs between evaluations; the last epoch of a phase always has one. 0: only that one.
    public var everyEpochs = 1
    /// Detections below this score are not considered.
    public var scoreThreshold = 0.001
    /// Of two detections of one class that overlap more than this, the weaker one goes.
    public var iouThreshold = 0.7

    static let fields: [RecipeField] = [
      .integer("evaluation.everyEpochs", \.evaluation.everyEpochs, 0...1_000_000, .free),
      .number("evaluation.scoreThreshold", \.evaluation.scoreThreshold, 0...1, .free),
      .number("evaluation.iouThreshold", \.evaluation.iouThreshold, 0...1, .free),
    ]
  }

  /// `export`: the files a finished run leaves.
  public struct Export: Codable, Sendable, Hashable {
    public enum Format: String, Codable, Sendable, Hashable, CaseIterable {
      case onnx, tflite, safetensors
    }

    /// Written once each; an empty list exports nothing.
    public var formats: [Format] = [.onnx]

    static let fields: [RecipeField] = [.choices("export.formats", \.export.formats, .free)]
  }
}
