import Graphs
import Models
import Quantization
import Tensors
import Testing
import Training

@Suite struct QuantizerStepTests {
  private func optimizer(_ kind: Recipe.Optimizer.Kind, count: Int, rate: Double) -> Optimizer {
    var recipe = Recipe().optimizer
    recipe.kind = kind
    return Optimizer(
      recipe,
      segments: [ParameterSegment(range: 0..<count, kind: .scale, isQuantizer: true)],
      count: count, quantizerRate: rate)
  }

  private func rates(_ rate: Double) -> StepRates {
    let group = GroupRates(learningRate: rate, momentum: 0.9, weightDecay: 0.5)
    return StepRates(bias: group, weight: group, scale: group)
  }

  /// Adam's first change is the rate against the gradient's sign, whatever its size.
  @Test func `AdamW moves a scale by the rate in units of its own size`() {
    let optimizer = optimizer(.adamw, count: 4, rate: 2)
    var scales: [Float] = [0.001, 3, -0.5, 0]
    optimizer.step(
      parameters: &scales, gradients: [100, -0.01, 1, -1],
      rates: StepRates(
        bias: rates(0.01).bias, weight: rates(0.01).weight,
        scale: GroupRates(learningRate: 0.01, momentum: 0.9, weightDecay: 0)))
    for (scale, expected) in zip(scales, [0.001 * 0.98, 3 * 1.02, -0.5 * 1.02, 0] as [Float]) {
      #expect(abs(scale - expected) <= 1e-5 * abs(expected))
    }
  }

  @Test func `no step moves a scale beyond a half or twice its size`() {
    let optimizer = optimizer(.sgd, count: 5, rate: 1)
    var scales: [Float] = [0.5, 0.5, -0.5, -0.5, 0]
    let still = GroupRates(learningRate: 1, momentum: 0, weightDecay: 0)
    optimizer.step(
      parameters: &scales, gradients: [100, -100, 100, -100, 5],
      rates: StepRates(bias: still, weight: still, scale: still))
    #expect(scales == [0.25, 1, -1, -0.25, 0])
  }

  @Test func `float and quantized graph agree on the place of every parameter they share`() throws {
    var recipe = Recipe()
    recipe.model.inputSize = 64
    recipe.quantization.ranges = .lsq
    recipe.quantization.weightScales = .lsq
    let float = recipe.floatGraph(classNames: ["car"])
    let quantized = try recipe.quantizedGraph(float)
    try quantized.validate()
    let layout = ParameterLayout(quantized)
    #expect(Array(quantized.parameters.prefix(float.parameters.count)) == float.parameters)
    let first = layout.trainable.prefix { $0.role.isQuantizer }
    #expect(first.count == quantized.parameters.count - float.parameters.count)
    #expect(layout.quantizerCount > 0)
    for (a, b) in zip(layout.trainable.dropFirst(first.count), ParameterLayout(float).trainable) {
      #expect(a.name == b.name && a.offset == b.offset + layout.quantizerCount)
    }
  }

  @Test func `without learned scales a graph is what it was before them`() throws {
    var recipe = Recipe()
    recipe.model.inputSize = 64
    let placed = try recipe.quantizedGraph(recipe.floatGraph(classNames: ["car"]))
    let learning = placed.learningScales(weights: true, ranges: .lsq)
    #expect(learning != placed)
    #expect(learning.withoutLearnedScales == placed)
  }

  @Test func `wrong bits are sentences`() throws {
    var recipe = Recipe()
    recipe.model.inputSize = 64
    let float = recipe.floatGraph(classNames: ["car"])
    recipe.quantization.overrides = ["stem*: w8"]
    #expect(throws: TrainingError.self) { try recipe.quantizedGraph(float) }
    recipe.quantization.target = .portable
    recipe.quantization.overrides = ["model.4.cv1.act: a4"]
    let error = #expect(throws: TrainingError.self) { try recipe.quantizedGraph(float) }
    #expect(error?.description.contains("model.4.cv1.act 4 bits") == true)
    recipe.quantization.overrides = ["model.4.cv1.act: a8"]
    _ = try recipe.quantizedGraph(float)
  }
}
