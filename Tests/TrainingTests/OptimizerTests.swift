import Foundation
import Testing
import Training

/// Numbers from torch.optim, made by `scripts/goldens/optimizers.py`.
private struct Goldens: Decodable {
  struct Run: Decodable {
    var start: [Float]
    /// Per step, per group: rate, momentum, decay.
    var rates: [[[Double]]]
    var gradients: [[Float]]
    var after: [[Float]]
  }
  struct Clip: Decodable {
    var norm: Double
    var clippedHead: [Double]
  }
  var sizes: [Int]
  var sgd: Run
  var adamw: Run
  var clip: Clip

  static let shared: Goldens = {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Goldens/optimizers.json")
    return try! JSONDecoder().decode(Goldens.self, from: Data(contentsOf: path))
  }()
}

private func rates(_ groups: [[Double]]) -> StepRates {
  func group(_ g: [Double]) -> GroupRates {
    GroupRates(learningRate: g[0], momentum: g[1], weightDecay: g[2])
  }
  return StepRates(bias: group(groups[0]), weight: group(groups[1]), scale: group(groups[2]))
}

private func segments(_ sizes: [Int]) -> [ParameterSegment] {
  var start = 0
  return zip(sizes, ParameterKind.allCases).map { size, kind in
    defer { start += size }
    return ParameterSegment(range: start..<start + size, kind: kind)
  }
}

private func recipe(_ kind: Recipe.Optimizer.Kind) -> Recipe.Optimizer {
  var recipe = Recipe().optimizer
  recipe.kind = kind
  recipe.beta2 = 0.99
  return recipe
}

@Suite struct OptimizerTests {
  @Test(arguments: Recipe.Optimizer.Kind.allCases)
  func `steps agree with PyTorch`(kind: Recipe.Optimizer.Kind) {
    let goldens = Goldens.shared
    let run = kind == .sgd ? goldens.sgd : goldens.adamw
    let count = run.start.count
    let optimizer = Optimizer(recipe(kind), segments: segments(goldens.sizes), count: count)
    var parameters = run.start
    for step in run.after.indices {
      // Gradients are handed over four times too large, to see the scale at work.
      let gradients = run.gradients[step].map { $0 * 4 }
      parameters.withUnsafeMutableBufferPointer { p in
        gradients.withUnsafeBufferPointer { g in
          optimizer.step(
            parameters: p.baseAddress!, gradients: g.baseAddress!, rates: rates(run.rates[step]),
            gradientScale: 0.25)
        }
      }
      for i in 0..<count {
        // PyTorch fuses multiply and add, we round in between: a few units in the last place of
        // numbers around 1, gathered over six steps.
        #expect(abs(parameters[i] - run.after[step][i]) <= 2e-6 * max(1, abs(parameters[i])))
      }
    }
    #expect(optimizer.stepCount == run.after.count)
  }

  @Test(arguments: Recipe.Optimizer.Kind.allCases)
  func `the kernels alone give the bits of the blocked pass, and so does any split`(
    kind: Recipe.Optimizer.Kind
  ) {
    let count = 5003
    let start = (0..<count).map { Float(($0 * 7919) % 1000 - 500) / 300 }
    let gradients = (0..<count).map { Float(($0 * 104_729) % 777 - 388) / 77 }
    let group = GroupRates(learningRate: 0.013, momentum: 0.9, weightDecay: 0.01)
    let all = StepRates(bias: group, weight: group, scale: group)
    let whole = Optimizer(
      recipe(kind), segments: [ParameterSegment(range: 0..<count, kind: .weight)], count: count)
    let cuts = [0, 1, 17, 1030, 1031, 4000, count]
    let split = Optimizer(
      recipe(kind),
      segments: zip(cuts, cuts.dropFirst()).map { ParameterSegment(range: $0..<$1, kind: .scale) },
      count: count)
    var (a, b) = (start, start)
    var (averageA, averageB) = (start, start)
    var plain = start
    var first = [Float](repeating: 0, count: count)
    var second = first
    for step in 1...3 {
      averageA.withUnsafeMutableBufferPointer {
        whole.step(
          parameters: &a, gradients: gradients, rates: all, gradientScale: 0.7,
          average: Optimizer.Average(values: $0.baseAddress!, share: 0.125))
      }
      split.step(parameters: &b, gradients: gradients, rates: all, gradientScale: 0.7)
      blend(&averageB, toward: b, count: count, share: 0.125)
      switch kind {
      case .sgd:
        sgdStep(
          parameters: &plain, gradients: gradients, velocities: &first, count: count, rates: group,
          gradientScale: 0.7)
      case .adamw:
        adamWStep(
          parameters: &plain, gradients: gradients, firstMoments: &first, secondMoments: &second,
          count: count, step: step, rates: group, beta2: 0.99, epsilon: 1e-8, gradientScale: 0.7)
      }
    }
    #expect(a.map(\.bitPattern) == b.map(\.bitPattern))
    #expect(a.map(\.bitPattern) == plain.map(\.bitPattern))
    #expect(averageA.map(\.bitPattern) == averageB.map(\.bitPattern))
    #expect(averageA != start && a != start)
  }

  @Test func `what lies between segments is never touched, and reset forgets`() {
    let optimizer = Optimizer(
      recipe(.sgd),
      segments: [
        ParameterSegment(range: 0..<2, kind: .weight), ParameterSegment(range: 4..<6, kind: .bias),
      ], count: 8)
    let group = GroupRates(learningRate: 1, momentum: 0.5, weightDecay: 0)
    let all = StepRates(bias: group, weight: group, scale: group)
    var parameters = [Float](repeating: 1, count: 8)
    optimizer.step(parameters: &parameters, gradients: [Float](repeating: 1, count: 8), rates: all)
    #expect(parameters == [-0.5, -0.5, 1, 1, -0.5, -0.5, 1, 1])
    #expect(optimizer.memories.map(\.name) == ["momentum"])
    #expect(optimizer.memories[0].values[5] == 1)
    optimizer.reset()
    #expect(optimizer.memories[0].values[5] == 0)
    #expect(optimizer.stepCount == 0)
  }

  @Test func `AdamW remembers both moments`() {
    let optimizer = Optimizer(recipe(.adamw), segments: [], count: 1)
    #expect(optimizer.memories.map(\.name) == ["firstMoment", "secondMoment"])
  }
}

@Suite struct GradientNormTests {
  @Test func `norm and clipping agree with PyTorch`() {
    let golden = Goldens.shared.clip
    let gradient = (0..<10_007).map { Float(($0 * 7919) % 1000 - 500) / 256 }
    let norm = gradientNorm(gradient, count: gradient.count)
    #expect(abs(norm - golden.norm) <= 1e-12 * golden.norm)
    let factor = clipFactor(norm: norm, maximum: 10)
    for (i, value) in golden.clippedHead.enumerated() {
      // PyTorch sums ten thousand squares in Float.
      #expect(abs(Double(gradient[i]) * factor - value) <= 1e-5 * abs(value))
    }
    #expect(clipFactor(norm: norm, maximum: 0) == 1)
    #expect(clipFactor(norm: 3, maximum: 10) == 1)
  }

  @Test(arguments: [0, 1, 15, 16, 17, 4095, 4096, 4097, 20_000])
  func `exact sums come out exactly for every length`(count: Int) {
    let gradient = (0..<count).map { Float($0 % 13) }
    let exact = gradient.reduce(0) { $0 + Double($1) * Double($1) }
    #expect(gradientNorm(gradient, count: count) == exact.squareRoot())
  }

  @Test func `it is finite exactly if every element is`() {
    var gradient = [Float](repeating: .greatestFiniteMagnitude, count: 9000)
    #expect(gradientNorm(gradient, count: 9000).isFinite)
    for bad in [Float.nan, .infinity, -.infinity] {
      for place in [0, 4111, 8999] {
        gradient[place] = bad
        #expect(!gradientNorm(gradient, count: 9000).isFinite)
        gradient[place] = 1
      }
    }
  }
}
