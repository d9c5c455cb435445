#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Rates and momentum as a function of the step: a linear warm-up onto a falling curve.
///
/// With `x = step / (steps − 1)` the curve is `peak · f(x)`, where `f` falls from 1 to
/// `finalFraction` linearly or as half a cosine. During the warm-up a rate lies on the straight way
/// from its start (0, or `biasStart` for biases) to the curve, and so does the momentum.
public struct LearningRateSchedule: Hashable, Sendable {
  public var peak: Double
  public var finalFraction: Double
  public var decay: Recipe.Optimizer.Decay
  /// Steps of the phase.
  public var steps: Int
  public var warmupSteps: Int
  public var biasStart: Double
  public var momentumStart: Double
  public var momentum: Double
  /// Of the weights; biases and scales have none.
  public var weightDecay: Double

  /// The float phase.
  public init(float recipe: Recipe, stepsPerEpoch: Int) {
    let optimizer = recipe.optimizer
    self.init(
      recipe, peak: optimizer.learningRate, epochs: recipe.schedule.floatEpochs,
      stepsPerEpoch: stepsPerEpoch)
    biasStart = optimizer.warmupBiasRate
    momentumStart = optimizer.warmupMomentum
    warmUp(
      epochs: optimizer.warmupEpochs, minimum: optimizer.warmupMinimumSteps,
      stepsPerEpoch: stepsPerEpoch)
  }

  /// The QAT phase. Its weights are trained already, so biases rise from 0 like the others and the
  /// momentum stays.
  public init(quantized recipe: Recipe, stepsPerEpoch: Int) {
    self.init(
      recipe, peak: recipe.schedule.qatLearningRate, epochs: recipe.schedule.qatEpochs,
      stepsPerEpoch: stepsPerEpoch)
    warmUp(
      epochs: recipe.schedule.qatWarmupEpochs, minimum: 0, stepsPerEpoch: stepsPerEpoch)
  }

  private init(_ recipe: Recipe, peak: Double, epochs: Int, stepsPerEpoch: Int) {
    precondition(stepsPerEpoch > 0, "stepsPerEpoch \(stepsPerEpoch)")
    self.peak = peak
    finalFraction = recipe.optimizer.finalFraction
    decay = recipe.optimizer.schedule
    steps = epochs * stepsPerEpoch
    warmupSteps = 0
    biasStart = 0
    momentumStart = recipe.optimizer.momentum
    momentum = recipe.optimizer.momentum
    weightDecay = recipe.optimizer.weightDecay
  }

  /// At most half of the phase, so that a short run still learns at its peak.
  private mutating func warmUp(epochs: Double, minimum: Int, stepsPerEpoch: Int) {
    guard epochs > 0 else { return }
    let wanted = (epochs * Double(stepsPerEpoch)).rounded()
    warmupSteps = min(max(Int(min(wanted, 1e15)), minimum), steps / 2)
  }

  /// The curve without warm-up at `step`, from 0.
  public func curve(step: Int) -> Double {
    let x = min(max(Double(step) / Double(max(steps - 1, 1)), 0), 1)
    let fall =
      switch decay {
      case .linear: x
      case .cosine: (1 - cos(x * .pi)) / 2
      }
    return peak * (1 + fall * (finalFraction - 1))
  }

  /// What step number `step` of the phase, counted from 0, moves by.
  public func rates(step: Int) -> StepRates {
    let target = curve(step: step)
    let way = step < warmupSteps ? Double(step) / Double(warmupSteps) : 1
    let heat = momentumStart + (momentum - momentumStart) * way
    func group(from start: Double, weightDecay: Double) -> GroupRates {
      GroupRates(
        learningRate: way == 1 ? target : start + (target - start) * way, momentum: heat,
        weightDecay: weightDecay)
    }
    return StepRates(
      bias: group(from: biasStart, weightDecay: 0),
      weight: group(from: 0, weightDecay: weightDecay),
      scale: group(from: 0, weightDecay: 0))
  }
}
