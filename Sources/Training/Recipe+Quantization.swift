import Quantization

extension Recipe {
  /// `quantization`: what the int8 model must run on, how many bits it has where, and how the scales of
  /// its grids come about.
  public struct Quantization: Codable, Sendable, Hashable {
    public enum Target: String, Codable, Sendable, Hashable, CaseIterable {
      case tensorrt, tflite, edgetpu, onnxruntime
      /// Valid on all of them.
      case portable
    }

    /// What becomes of the ranges of activations after calibration.
    public enum Ranges: String, Codable, Sendable, Hashable, CaseIterable {
      /// They follow what the sites see, until `schedule.freezeObserversAfter`.
      case moving
      /// They stay as calibration left them.
      case fixed
      /// Learned: scales, and low ends where a grid has two (LSQ, LSQ+).
      case lsq
      /// Learned: ends (PACT).
      case pact
    }

    /// How the scale of a channel's weights comes about.
    public enum WeightScales: String, Codable, Sendable, Hashable, CaseIterable {
      /// The largest weight lies at the end of the grid.
      case max
      /// Learned (LSQ); first the one with the smallest squared error.
      case lsq
    }

    public var target = Target.tensorrt
    public var weightBits = 8
    public var activationBits = 8
    /// Of the first layer and the head's last ones, and of the sites before and behind them.
    public var firstLastBits = 8
    /// `PATTERN: w4 a8` by the names of layers and activations; a later one counts more.
    public var overrides: [String] = []
    public var ranges = Ranges.moving
    public var weightScales = WeightScales.max
    /// Of learned scales and ranges, as a factor of the weights' rate.
    public var scaleRate = 1.0
    /// Share of the newest step in the moving range of an activation.
    public var observerMomentum = 0.01

    public var calibration = Calibration()

    static let fields: [RecipeField] =
      [
        .choice("quantization.target", \.quantization.target),
        .integer("quantization.weightBits", \.quantization.weightBits, 2...8),
        .integer("quantization.activationBits", \.quantization.activationBits, 2...8),
        .integer("quantization.firstLastBits", \.quantization.firstLastBits, 2...8),
        .texts(
          "quantization.overrides", \.quantization.overrides,
          expected: "a list of texts like \"model.4.*: w4 a8\", of 2 to 8 bits"
        ) { BitOverride($0) != nil },
        .choice("quantization.ranges", \.quantization.ranges),
        .choice("quantization.weightScales", \.quantization.weightScales),
        .number("quantization.scaleRate", \.quantization.scaleRate, 0...1000),
        .number("quantization.observerMomentum", \.quantization.observerMomentum, 1e-6...1),
      ] + Calibration.fields

    /// The same for the pass that sets bits.
    var bitRules: BitRules {
      BitRules(
        weightBits: weightBits, activationBits: activationBits, firstLastBits: firstLastBits,
        overrides: overrides.compactMap { BitOverride($0) })
    }
  }
}
