extension Recipe.Quantization {
  /// `quantization.calibration`: how a float model becomes an int8 one before any training on integers.
  public struct Calibration: Codable, Sendable, Hashable {
    public enum Method: String, Codable, Sendable, Hashable, CaseIterable {
      /// The mean over global batches of their extremes.
      case movingAverage
      /// Everything that was seen.
      case minMax
      /// All but a share of the values, half of it at each end.
      case percentile
      /// Where the quantized distribution is nearest to the whole one.
      case entropy
      /// Where rounding and clipping together cost the least squared error.
      case squaredError
    }

    /// How a site's range is chosen from what it saw.
    public var method = Method.movingAverage
    /// Share of the values inside the range, for `percentile`.
    public var percentile = 0.9999
    /// Of the histograms that `percentile`, `entropy` and `squaredError` choose from.
    public var bins = 2048

    static let fields: [RecipeField] = [
      .choice("quantization.calibration.method", \.quantization.calibration.method),
      .number(
        "quantization.calibration.percentile", \.quantization.calibration.percentile, 0.5...1),
      .integer("quantization.calibration.bins", \.quantization.calibration.bins, 128...65536),
    ]
  }
}
