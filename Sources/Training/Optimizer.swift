public import Tensors

/// The optimizer of a run: the flat vectors it remembers, and the step.
///
/// Not `Sendable`: the training thread steps it. A checkpoint stores each of `memories` under its
/// name, and `stepCount`.
public final class Optimizer {
  /// One flat vector that the optimizer remembers between steps.
  public struct Memory {
    /// `momentum` for SGD; `firstMoment` and `secondMoment` for AdamW.
    public let name: String
    public let storage: AlignedBuffer

    public var values: UnsafeMutablePointer<Float> {
      storage.base.assumingMemoryBound(to: Float.self)
    }
  }

  /// The slow average that a step moves along with the parameters.
  public struct Average {
    public let values: UnsafeMutablePointer<Float>
    /// `1 − decay`, from `ExponentialAverage.advance()`.
    public let share: Float

    public init(values: UnsafeMutablePointer<Float>, share: Float) {
      self.values = values
      self.share = share
    }
  }

  public let recipe: Recipe.Optimizer
  /// In ascending order; what lies between them is never touched.
  public let segments: [ParameterSegment]
  /// Elements of the flat vector.
  public let count: Int
  public let memories: [Memory]
  /// Steps taken since the memories were zero. AdamW's bias correction needs it.
  public var stepCount = 0

  public init(_ recipe: Recipe.Optimizer, segments: [ParameterSegment], count: Int) {
    var end = 0
    for segment in segments {
      precondition(
        segment.range.lowerBound >= end && segment.range.upperBound <= count,
        "segment \(segment.range) after \(end) in a vector of \(count)")
      end = segment.range.upperBound
    }
    self.recipe = recipe
    self.segments = segments
    self.count = count
    let names =
      switch recipe.kind {
      case .sgd: ["momentum"]
      case .adamw: ["firstMoment", "secondMoment"]
      }
    memories = names.map {
      Memory(name: $0, storage: AlignedBuffer(byteCount: count * MemoryLayout<Float>.stride))
    }
  }

  /// Forgets everything, as for a new phase.
  public func reset() {
    for memory in memories { memory.values.update(repeating: 0, count: count) }
    stepCount = 0
  }

  /// Moves the parameters, and the average if there is one, in one pass over memory.
  ///
  /// - Parameters:
  ///   - parameters, gradients: flat vectors of `count` elements.
  ///   - gradientScale: what a gradient is multiplied by first: 1 / S, the loss's reduction and the
  ///     clip factor in one.
  ///
  /// The vector is walked in blocks that stay in the nearest cache from the optimizer's part to the
  /// average's. The size of a block does not change a bit of the result.
  public func step(
    parameters: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, rates: StepRates,
    gradientScale: Double = 1, average: Average? = nil
  ) {
    stepCount += 1
    let blockSize = 1024
    let scale = Float(gradientScale)
    for segment in segments {
      let group = rates[segment.kind]
      for start in stride(
        from: segment.range.lowerBound, to: segment.range.upperBound, by: blockSize)
      {
        let length = min(blockSize, segment.range.upperBound - start)
        switch recipe.kind {
        case .sgd:
          sgdStep(
            parameters: parameters + start, gradients: gradients + start,
            velocities: memories[0].values + start, count: length, rates: group,
            gradientScale: scale)
        case .adamw:
          adamWStep(
            parameters: parameters + start, gradients: gradients + start,
            firstMoments: memories[0].values + start, secondMoments: memories[1].values + start,
            count: length, step: stepCount, rates: group, beta2: recipe.beta2,
            epsilon: recipe.epsilon, gradientScale: scale)
        }
        if let average {
          blend(
            average.values + start, toward: UnsafePointer(parameters + start), count: length,
            share: average.share)
        }
      }
    }
  }
}
