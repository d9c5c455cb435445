extension Recipe {
  /// `optimizer`: how gradients become new weights.
  public struct Optimizer: Codable, Sendable, Hashable {
    public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
      /// SGD with Nesterov momentum.
      case sgd
      /// Adam with decoupled weight decay; `momentum` is its first beta.
      case adamw
    }

    /// The way from `learningRate` down to `learningRate · finalFraction`.
    public enum Decay: String, Codable, Sendable, Hashable, CaseIterable {
      case cosine, linear
    }

    public var kind = Kind.sgd
    /// Rate at the end of the warm-up.
    public var learningRate = 0.01
    /// Rate of the last step as a fraction of `learningRate`.
    public var finalFraction = 0.01
    public var schedule = Decay.cosine
    public var momentum = 0.937
    /// For convolution weights; never for batch norm, biases and quantization scales.
    public var weightDecay = 0.0005
    /// Length of the warm-up in epochs, but at least `warmupMinimumSteps` steps (which is capped at
    /// half of the phase).
    public var warmupEpochs = 3.0
    public var warmupMinimumSteps = 100
    /// Momentum at step 0; rises to `momentum` over the warm-up.
    public var warmupMomentum = 0.8
    /// Rate of the biases at step 0, from which it falls to `learningRate`; all others start at 0.
    public var warmupBiasRate = 0.1
    /// AdamW: decay of the mean of squared gradients.
    public var beta2 = 0.999
    /// AdamW: added to the root of that mean.
    public var epsilon = 1e-8
    /// Largest Euclidean norm of the whole gradient; a longer one is scaled down. 0 is off.
    public var gradientClip = 10.0

    static let fields: [RecipeField] = [
      .choice("optimizer.kind", \.optimizer.kind),
      .number("optimizer.learningRate", \.optimizer.learningRate, 0...100),
      .number("optimizer.finalFraction", \.optimizer.finalFraction, 0...1),
      .choice("optimizer.schedule", \.optimizer.schedule),
      .number("optimizer.momentum", \.optimizer.momentum, 0...0.9999),
      .number("optimizer.weightDecay", \.optimizer.weightDecay, 0...1),
      .number("optimizer.warmupEpochs", \.optimizer.warmupEpochs, 0...1_000_000),
      .integer("optimizer.warmupMinimumSteps", \.optimizer.warmupMinimumSteps, 0...1_000_000_000),
      .number("optimizer.warmupMomentum", \.optimizer.warmupMomentum, 0...0.9999),
      .number("optimizer.warmupBiasRate", \.optimizer.warmupBiasRate, 0...100),
      .number("optimizer.beta2", \.optimizer.beta2, 0...0.999_999),
      .number("optimizer.epsilon", \.optimizer.epsilon, 1e-12...1),
      .number("optimizer.gradientClip", \.optimizer.gradientClip, 0...1e9),
    ]
  }

  /// `ema`: a slow average of the weights, which is what gets evaluated and exported.
  public struct EMA: Codable, Sendable, Hashable {
    public var enabled = true
    /// The decay after update `u` is `decay · (1 − exp(−u / tau))`.
    public var decay = 0.9999
    /// Updates; a young average follows the weights closely.
    public var tau = 2000.0

    static let fields: [RecipeField] = [
      .flag("ema.enabled", \.ema.enabled),
      .number("ema.decay", \.ema.decay, 0...0.999_999),
      .number("ema.tau", \.ema.tau, 1e-3...1e9),
    ]
  }
}
