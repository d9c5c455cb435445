public import Quantization

/// In which numbers a plan computes what the graph leaves open.
public struct PlanOptions: Hashable, Sendable {
  /// Convolutions between quantized values run on their integers: exact, and several times faster
  /// than the simulation in FP32. Every site then needs a grid before each pass.
  public var integerConvolutions: Bool
  /// How results of integer convolutions, products and sums become integers of the next grid. With
  /// `fixedPoint` and `floatFactor` that is the target's own arithmetic, biases int32; else, and behind
  /// grouped convolutions, which do not run on integers here, the real number is rounded once.
  public var arithmetic: IntegerArithmetic
  /// Of convolutions that do not run on integers, forward and backward. Sums, batch norms, weights
  /// and their gradients stay FP32.
  public var precision: Precision
  /// Values of the graph that stay in memory up to the loss; in training a gradient can be given for
  /// each.
  public var kept: [Int]
  /// Whether what every site made can be read after a pass (`numbers(of:)`): passes end there, and no
  /// memory is used twice. The numbers are the same, slower.
  package var keepsSites = false

  public init(
    integerConvolutions: Bool = false, arithmetic: IntegerArithmetic = .floatEpilogue,
    precision: Precision = .float32, kept: [Int] = []
  ) {
    self.integerConvolutions = integerConvolutions
    self.arithmetic = arithmetic
    self.precision = precision
    self.kept = kept
  }
}

/// The factors of a convolution's products.
public enum Precision: String, Hashable, Sendable, Codable, CaseIterable {
  case float32, bfloat16
}
