/// What a node computes. All activations are `[H, W, C]` per picture, or `[C]` after pooling.
public enum Operation: Hashable, Sendable, Codable {
  /// `y[h,w,o] = b[o] + Σ x[h·s+i-p, w·s+j-p, c] · W[o,c,i,j]`; `W` is `[O, C/groups, K, K]`.
  case convolution(channels: Int, kernel: Int, stride: Int, padding: Int, groups: Int, bias: Bool)
  /// `y = γ·(x - mean)/√(variance + ε) + β` over the batch and all pixels of a channel.
  case batchNorm(epsilon: Float, momentum: Float)
  case activation(Activation)
  /// `1 / (1 + e^-x)`: the gate of a SiLU where a target computes it apart (`splittingSiLU`).
  case sigmoid
  /// The element-wise sum of two values.
  case add
  /// The element-wise product of two values.
  case multiply
  /// The inputs' channels one after another.
  case concat
  /// The channels `from ..< from + count`.
  case slice(from: Int, count: Int)
  /// Every pixel repeated `factor` × `factor` times.
  case upsample(factor: Int)
  case maxPool(kernel: Int, stride: Int, padding: Int)
  /// `[H, W, C]` to `[C]`: the mean over all pixels.
  case globalAveragePool
  /// `y = W·x + b`; `x` is `[C]`, `W` is `[features, C]`.
  case linear(features: Int, bias: Bool)
  /// The value on the integer grid of a site of the graph, as a real number.
  case fakeQuantize(site: Int)

  /// The word used for it in the text form.
  public var name: String {
    switch self {
    case .convolution: "convolution"
    case .batchNorm: "batchNorm"
    case .activation(let kind): kind.rawValue
    case .sigmoid: "sigmoid"
    case .add: "add"
    case .multiply: "multiply"
    case .concat: "concat"
    case .slice: "slice"
    case .upsample: "upsample"
    case .maxPool: "maxPool"
    case .globalAveragePool: "globalAveragePool"
    case .linear: "linear"
    case .fakeQuantize: "fakeQuantize"
    }
  }

  /// Whether it only moves or selects values, so that its output lies on its inputs' grid.
  public var keepsGrid: Bool {
    switch self {
    case .concat, .slice, .upsample, .maxPool: true
    default: false
    }
  }
}

/// A scalar function applied to every element.
public enum Activation: String, Hashable, Sendable, Codable, CaseIterable {
  /// `x·sigmoid(x)`
  case silu
  /// `max(x, 0)`
  case relu
  /// `min(max(x, 0), 6)`
  case relu6
}
