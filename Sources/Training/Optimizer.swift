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
  /// Factor of the rate for learned scales and ranges.
  public let quantizerRate: Double
  /// The steps of a block of quantizers, before they are taken.
  private let changes: AlignedBuffer
  private static let blockSize = 1024

  public init(
    _ recipe: Recipe.Optimizer, segments: [ParameterSegment], count: Int, quantizerRate: Double = 1
  ) {
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
    self.quantizerRate = quantizerRate
    changes = AlignedBuffer(byteCount: Self.blockSize * MemoryLayout<Float>.stride)
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
    let blockSize = Self.blockSize
    let scale = Float(gradientScale)
    for segment in segments {
      let group = groupRates(rates, of: segment)
      for start in stride(
        from: segment.range.lowerBound, to: segment.range.upperBound, by: blockSize)
      {
        let length = min(blockSize, segment.range.upperBound - start)
        let moved = target(of: segment, parameters + start, count: length)
        switch recipe.kind {
        case .sgd:
          sgdStep(
            parameters: moved, gradients: gradients + start,
            velocities: memories[0].values + start, count: length, rates: group,
            gradientScale: scale)
        case .adamw:
          adamWStep(
            parameters: moved, gradients: gradients + start,
            firstMoments: memories[0].values + start, secondMoments: memories[1].values + start,
            count: length, step: stepCount, rates: group, beta2: recipe.beta2,
            epsilon: recipe.epsilon, gradientScale: scale)
        }
        if segment.isQuantizer {
          quantizerStep(
            parameters + start, changes: moved, count: length,
            isRelative: recipe.kind == .adamw)
        }
        if let average {
          blend(
            average.values + start, toward: UnsafePointer(parameters + start), count: length,
            share: average.share)
        }
      }
    }
  }

  /// What a step moves: the parameters, or for quantizers zeros, which then hold the change.
  private func target(
    of segment: ParameterSegment, _ parameters: UnsafeMutablePointer<Float>, count: Int
  ) -> UnsafeMutablePointer<Float> {
    guard segment.isQuantizer else { return parameters }
    let room = changes.base.assumingMemoryBound(to: Float.self)
    room.update(repeating: 0, count: count)
    return room
  }

  private func groupRates(_ rates: StepRates, of segment: ParameterSegment) -> GroupRates {
    var group = rates[segment.kind]
    if segment.isQuantizer { group.learningRate *= quantizerRate }
    return group
  }
}
