#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// `a ← a + share · (x − a)`: element by element, so a part gives the same bits as the whole, and
/// what is equal already stays equal.
///
/// - Shapes: `average` and `values` hold `count` elements and do not overlap.
public func blend(
  _ average: UnsafeMutablePointer<Float>, toward values: UnsafePointer<Float>, count: Int,
  share: Float
) {
  for i in 0..<count {
    let old = average[i]
    average[i] = old + share * (values[i] - old)
  }
}

/// How much of the weights goes into their slow average at each update.
///
/// The decay after update `u` is `decay · (1 − exp(−u / tau))`: a young average follows the weights
/// closely, an old one hardly moves.
public struct ExponentialAverage: Hashable, Sendable, Codable {
  public let decay: Double
  /// Updates.
  public let tau: Double
  /// Made so far; part of a checkpoint.
  public var updates: Int

  public init(_ recipe: Recipe.EMA, updates: Int = 0) {
    decay = recipe.decay
    tau = recipe.tau
    self.updates = updates
  }

  /// Counts an update and returns its `share`, `1 − decay`, for `blend` and `Optimizer.step`.
  public mutating func advance() -> Float {
    updates += 1
    return Float(1 - decay * (1 - exp(-Double(updates) / tau)))
  }
}
