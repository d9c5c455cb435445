/// What a trained number is, as far as the optimizer cares. The order is that of `lr/pg0…2` in
/// `results.csv`.
public enum ParameterKind: Int, Sendable, Hashable, CaseIterable {
  /// A shift, of a convolution or of batch norm: no decay, and a warm-up that starts high.
  case bias
  /// A kernel: the only kind that decays.
  case weight
  /// A factor, of batch norm or a learned quantization scale: no decay.
  case scale
}

/// A run of the flat parameter vector whose elements are of one kind.
public struct ParameterSegment: Sendable, Hashable {
  public let range: Range<Int>
  public let kind: ParameterKind
  /// Learned scales and ranges of quantizers, which `quantizerStep` moves.
  public let isQuantizer: Bool

  public init(range: Range<Int>, kind: ParameterKind, isQuantizer: Bool = false) {
    self.range = range
    self.kind = kind
    self.isQuantizer = isQuantizer
  }
}

/// How one step moves the parameters of one kind.
public struct GroupRates: Sendable, Hashable {
  public var learningRate: Double
  /// SGD's momentum; AdamW's first beta.
  public var momentum: Double
  public var weightDecay: Double

  public init(learningRate: Double, momentum: Double, weightDecay: Double) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
  }
}

/// How one step moves the parameters of every kind.
public struct StepRates: Sendable, Hashable {
  public var bias: GroupRates
  public var weight: GroupRates
  public var scale: GroupRates

  public init(bias: GroupRates, weight: GroupRates, scale: GroupRates) {
    self.bias = bias
    self.weight = weight
    self.scale = scale
  }

  public subscript(kind: ParameterKind) -> GroupRates {
    switch kind {
    case .bias: bias
    case .weight: weight
    case .scale: scale
    }
  }

  /// In the order of `ParameterKind`, for `results.csv`.
  public var learningRates: [Double] { ParameterKind.allCases.map { self[$0].learningRate } }
}
