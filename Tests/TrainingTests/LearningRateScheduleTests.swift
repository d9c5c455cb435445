import Foundation
import Testing
import Training

@Suite struct LearningRateScheduleTests {
  private func recipe() -> Recipe {
    var recipe = Recipe()
    recipe.schedule.floatEpochs = 20
    recipe.schedule.qatEpochs = 4
    recipe.optimizer.warmupMinimumSteps = 0
    return recipe
  }

  @Test func `the warm-up leads every kind from its own start to the curve`() {
    let schedule = LearningRateSchedule(float: recipe(), stepsPerEpoch: 10)
    #expect(schedule.steps == 200 && schedule.warmupSteps == 30)
    let first = schedule.rates(step: 0)
    #expect(first.bias == GroupRates(learningRate: 0.1, momentum: 0.8, weightDecay: 0))
    #expect(first.weight == GroupRates(learningRate: 0, momentum: 0.8, weightDecay: 0.0005))
    #expect(first.scale == GroupRates(learningRate: 0, momentum: 0.8, weightDecay: 0))
    let half = schedule.rates(step: 15)
    #expect(abs(half.weight.learningRate - schedule.curve(step: 15) / 2) < 1e-15)
    #expect(abs(half.bias.learningRate - (0.1 + schedule.curve(step: 15)) / 2) < 1e-15)
    #expect(abs(half.weight.momentum - (0.8 + 0.937) / 2) < 1e-15)
    for step in [30, 31, 199] {
      let rates = schedule.rates(step: step)
      #expect(rates.learningRates == Array(repeating: schedule.curve(step: step), count: 3))
      #expect(rates.bias.momentum == 0.937)
    }
  }

  @Test(arguments: Recipe.Optimizer.Decay.allCases)
  func `the curve falls from the peak to its fraction`(decay: Recipe.Optimizer.Decay) {
    var recipe = recipe()
    recipe.optimizer.schedule = decay
    recipe.optimizer.warmupEpochs = 0
    let schedule = LearningRateSchedule(float: recipe, stepsPerEpoch: 10)
    let rates = (0..<200).map { schedule.rates(step: $0).weight.learningRate }
    #expect(rates[0] == 0.01)
    #expect(abs(rates[199] - 0.0001) < 1e-17)
    #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 >= $1 })
    // A quarter of the way: linear 1 − 0.99/4, cosine 1 − 0.99 (1 − cos 45°)/2.
    let quarter = schedule.curve(step: 50) / 0.01
    let x = 50.0 / 199
    let expected =
      decay == .linear ? 1 - 0.99 * x : 1 - 0.99 * (1 - cos(x * Double.pi)) / 2
    #expect(abs(quarter - expected) < 1e-12)
    #expect(schedule.curve(step: 10_000) == rates[199])
  }

  @Test func `a short warm-up is stretched and a long one is capped`() {
    var recipe = recipe()
    recipe.optimizer.warmupMinimumSteps = 70
    #expect(LearningRateSchedule(float: recipe, stepsPerEpoch: 10).warmupSteps == 70)
    recipe.optimizer.warmupMinimumSteps = 1000
    #expect(LearningRateSchedule(float: recipe, stepsPerEpoch: 10).warmupSteps == 100)
    recipe.optimizer.warmupEpochs = 0
    #expect(LearningRateSchedule(float: recipe, stepsPerEpoch: 10).warmupSteps == 0)
    recipe.schedule.floatEpochs = 0
    #expect(LearningRateSchedule(float: recipe, stepsPerEpoch: 10).steps == 0)
  }

  @Test func `QAT has its own peak, and biases rise with the others`() {
    let schedule = LearningRateSchedule(quantized: recipe(), stepsPerEpoch: 10)
    #expect(schedule.steps == 40 && schedule.warmupSteps == 10)
    #expect(schedule.rates(step: 0).learningRates == [0, 0, 0])
    #expect(schedule.rates(step: 0).weight.momentum == 0.937)
    #expect(schedule.rates(step: 10).bias.learningRate == schedule.curve(step: 10))
    #expect(schedule.curve(step: 0) == 0.0005)
  }

  @Test func `one step is enough for a schedule`() {
    var recipe = recipe()
    recipe.schedule.floatEpochs = 1
    let schedule = LearningRateSchedule(float: recipe, stepsPerEpoch: 1)
    #expect(schedule.rates(step: 0).learningRates == [0.01, 0.01, 0.01])
  }

  @Test func `the average follows closely when young and slowly when old`() {
    var average = ExponentialAverage(Recipe().ema)
    let first = average.advance()
    #expect(abs(Double(first) - (1 - 0.9999 * (1 - exp(-1.0 / 2000)))) < 1e-7)
    #expect(average.updates == 1)
    average.updates = 1_000_000
    #expect(abs(average.advance() - 0.0001) < 1e-9)
    var slow: [Float] = [1, 2, 3]
    blend(&slow, toward: [1, 4, -1], count: 3, share: 0.25)
    #expect(slow == [1, 2.5, 2])
  }
}
