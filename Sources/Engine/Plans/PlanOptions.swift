/// In which numbers a plan computes what the graph leaves open.
public struct PlanOptions: Hashable, Sendable {
  /// Convolutions between quantized values run on their integers: exact, and several times faster
  /// than the simulation in FP32. Every site then needs a grid before each pass.
  public var integerConvolutions: Bool
  /// Every rounding between integer convolutions is that of a runtime on integers alone, with int32 biases
  /// and fixed-point factors that round twice: `IntegerArithmetic.fixedPoint`. Else results round once,
  /// from FP32. Grouped convolutions, which do not run on integers here, round once either way.
  public var roundsInFixedPoint: Bool
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
    integerConvolutions: Bool = false, roundsInFixedPoint: Bool = false,
    precision: Precision = .float32, kept: [Int] = []
  ) {
    self.integerConvolutions = integerConvolutions
    self.roundsInFixedPoint = roundsInFixedPoint
    self.precision = precision
    self.kept = kept
  }
}

/// The factors of a convolution's products.
public enum Precision: String, Hashable, Sendable, Codable, CaseIterable {
  case float32, bfloat16
}
