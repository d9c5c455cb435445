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
    public var method = Method.squaredError
    /// Share of the values inside the range, for `percentile`.
    public var percentile = 0.9999
    /// Of the histograms that `percentile`, `entropy` and `squaredError` choose from.
    public var bins = 2048

    /// Where the grids of weights end, a channel each.
    public var weightRange = WeightRange.max
    /// Scales channels against each other first, so that a tensor's one grid fits them all; ReLU only.
    public var equalize = false
    /// Chooses layer by layer which weights are rounded up and which down.
    public var adaround = false
    public var adaroundSteps = 500
    /// Gives batch norms the statistics of the quantized network.
    public var reestimateBatchNorm = false
    /// Moves each layer's mean back to that of the float network.
    public var biasCorrection = false
    /// Pictures for what goes layer by layer: all of them are in memory at once.
    public var layerImages = 64

    public enum WeightRange: String, Codable, Sendable, Hashable, CaseIterable {
      /// At the largest weight.
      case max
      /// Where rounding and clipping together cost the least squared error.
      case squaredError
    }

    static let fields: [RecipeField] = [
      .choice("quantization.calibration.method", \.quantization.calibration.method),
      .number(
        "quantization.calibration.percentile", \.quantization.calibration.percentile, 0.5...1),
      .integer("quantization.calibration.bins", \.quantization.calibration.bins, 128...65536),
      .choice("quantization.calibration.weightRange", \.quantization.calibration.weightRange),
      .flag("quantization.calibration.equalize", \.quantization.calibration.equalize),
      .flag("quantization.calibration.adaround", \.quantization.calibration.adaround),
      .integer(
        "quantization.calibration.adaroundSteps", \.quantization.calibration.adaroundSteps,
        1...100_000),
      .flag(
        "quantization.calibration.reestimateBatchNorm",
        \.quantization.calibration.reestimateBatchNorm),
      .flag(
        "quantization.calibration.biasCorrection", \.quantization.calibration.biasCorrection),
      .integer(
        "quantization.calibration.layerImages", \.quantization.calibration.layerImages, 1...4096),
    ]
  }
}
