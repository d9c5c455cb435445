import Engine
import Graphs
import Quantization
import Tensors
import Testing

/// Holds a training plan of a small graph against `ReferenceNetwork`: outputs against its outputs,
/// gradients against central finite differences in Double of `L = Σ u·output` with random `u`.
struct GraphCheck {
  var graph: Graph
  var batchSize: Int
  var weights: NamedWeights
  var input: [Float]
  var batchNormMode = BatchNormMode.batch
  var quantizationMode = QuantizationMode.off
  var grids: [Grid] = []
  var options = PlanOptions()
  private var random: Philox

  /// FP32 sums of up to some thousand terms of order one: a few hundred half-units of 6e-8 in the
  /// worst, of the largest output.
  var forwardTolerance = 1e-5
  /// Of the largest gradient of the same parameter: two such sums behind each other, and where a
  /// batch norm takes means away, differences of near numbers.
  var gradientTolerance = 1e-4
  /// Of the largest gradient of all: what a gradient that is exactly zero may show, as that of a bias
  /// in front of a batch norm.
  var gradientFloor = 1e-5

  init(_ graph: Graph, batchSize: Int, seed: UInt64 = 1) {
    self.graph = graph
    self.batchSize = batchSize
    var random = Philox(seed: seed)
    weights = Self.randomWeights(graph, &random)
    input = (0..<batchSize * graph.values[graph.inputs[0]].shape.elementCount).map { _ in
      random.uniform(-1, 1)
    }
    self.random = random
  }

  /// Weights that keep the size of values, scales and variances away from zero.
  static func randomWeights(_ graph: Graph, _ random: inout Philox) -> NamedWeights {
    var weights = NamedWeights()
    for parameter in graph.parameters {
      let count = parameter.shape.elementCount
      let (low, high): (Float, Float)
      switch parameter.role {
      case .weight:
        let bound = (3 * Float(parameter.shape[0]) / Float(count)).squareRoot()
        (low, high) = (-bound, bound)
      case .bias, .shift: (low, high) = (-0.5, 0.5)
      case .scale, .runningVariance: (low, high) = (0.5, 1.5)
      case .runningMean: (low, high) = (-0.3, 0.3)
      }
      weights[parameter.name] = Tensor(
        (0..<count).map { _ in random.uniform(low, high) }, shape: parameter.shape)
    }
    return weights
  }

  /// A reference with the same weights, modes and grids.
  func reference() -> ReferenceNetwork {
    var reference = ReferenceNetwork(graph: graph, batchSize: batchSize, weights: weights)
    reference.batchNormMode = batchNormMode
    reference.quantizationMode = quantizationMode
    for (site, grid) in grids.enumerated() { reference.grids[site] = grid }
    return reference
  }

  /// A plan that has run forward on the input.
  func plan() throws -> (TrainingPlan, ParameterStore) {
    let store = ParameterStore(graph)
    store.load(weights)
    let plan = try TrainingPlan(
      graph: graph, batchSize: batchSize, store: store, options: options)
    plan.batchNormMode = batchNormMode
    plan.quantizationMode = quantizationMode
    for (site, grid) in grids.enumerated() { plan.setGrid(grid, site: site) }
    plan.prepareWeights()
    plan.input.update(from: input, count: input.count)
    plan.forward()
    return (plan, store)
  }

  /// Quantizing, with grids that cover what a float pass sees, as calibration makes them.
  func calibrated() throws -> GraphCheck {
    var check = self
    check.quantizationMode = .observe
    let (plan, _) = try check.plan()
    check.grids = graph.sites.enumerated().map { index, site in
      let seen = plan.extremes(site: index)
      return Grid(
        covering: site.fixedRange?.low ?? seen.low, site.fixedRange?.high ?? seen.high,
        bits: site.bits, symmetric: site.symmetric)
    }
    check.quantizationMode = .quantize
    return check
  }

  func count(of value: Int) -> Int { batchSize * graph.values[value].shape.elementCount }

  func outputs(of plan: TrainingPlan) -> [[Float]] {
    graph.outputs.map { Array(UnsafeBufferPointer(start: plan.output($0), count: count(of: $0))) }
  }

  /// The largest error of any output, in units of the output's largest magnitude.
  func forwardError() throws -> Double {
    let trace = reference().forward(input.map(Double.init))
    return zip(graph.outputs, outputs(of: try plan().0)).map { value, output in
      worstDifference(output, trace.values[value])
    }.max() ?? 0
  }

  /// Compares forward and backward; what differs becomes an issue of the test.
  mutating func run(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let (plan, store) = try plan()
    let reference = reference()
    let trace = reference.forward(input.map(Double.init))
    for (value, output) in zip(graph.outputs, outputs(of: plan)) {
      let error = worstDifference(output, trace.values[value])
      #expect(
        error <= forwardTolerance, "output \(graph.values[value].name)",
        sourceLocation: sourceLocation)
    }
    var upstream: [Int: [Double]] = [:]
    for value in graph.outputs {
      let u = (0..<count(of: value)).map { _ in random.uniform(-1, 1) }
      upstream[value] = u.map(Double.init)
      plan.outputGradient(value).update(from: u, count: u.count)
    }
    plan.backward()
    let gradients = store.layout.trainable.map { segment in
      Array(UnsafeBufferPointer(start: plan.gradients + segment.offset, count: segment.count))
        .map(Double.init)
    }
    let largestOfAll = gradients.joined().map(abs).max() ?? 0
    let differences = FiniteDifferences(
      reference: reference, base: trace, input: input.map(Double.init), upstream: upstream)
    for (segment, gradient) in zip(store.layout.trainable, gradients) {
      let parameter = graph.parameters.firstIndex { $0.name == segment.name }!
      let tolerance =
        gradientTolerance * (gradient.map(abs).max() ?? 0) + gradientFloor * largestOfAll
      // Some single elements, and two directions that touch all of them.
      var directions: [(name: String, direction: [Double], tolerance: Double)] = []
      for _ in 0..<min(gradient.count, 8) {
        let i = random.integer(below: gradient.count)
        var direction = [Double](repeating: 0, count: gradient.count)
        direction[i] = 1
        directions.append(("\(segment.name)[\(i)]", direction, tolerance))
      }
      for _ in 0..<2 {
        // Errors of the elements add up like a random walk; four of its deviations.
        directions.append(
          (
            segment.name, gradient.map { _ in Double(random.uniform(-1, 1)) },
            4 * tolerance * Double(gradient.count).squareRoot()
          ))
      }
      for (name, direction, tolerance) in directions {
        let actual = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
        guard let expected = differences.slope(parameter, along: direction) else {
          Issue.record("\(name): no step stays on its branch", sourceLocation: sourceLocation)
          break
        }
        if !(abs(actual - expected) <= tolerance) {
          Issue.record(
            "\(name): gradient \(actual), differences \(expected), tolerance \(tolerance)",
            sourceLocation: sourceLocation)
          break
        }
      }
    }
  }
}

/// The largest difference, in units of the largest expected magnitude.
func worstDifference(_ actual: [Float], _ expected: [Double]) -> Double {
  precondition(actual.count == expected.count, "\(actual.count) and \(expected.count) values")
  var (worst, largest) = (0.0, Double.leastNormalMagnitude)
  for (a, e) in zip(actual, expected) {
    let difference = abs(Double(a) - e)
    // A NaN is a difference too.
    if !(difference <= worst) { worst = difference.isNaN ? .infinity : difference }
    largest = max(largest, abs(e))
  }
  return worst / largest
}

/// Slopes of `L = Σ u·output` by central differences in Double.
struct FiniteDifferences {
  var reference: ReferenceNetwork
  var base: ReferenceNetwork.Trace
  var input: [Double]
  var upstream: [Int: [Double]]

  /// `(L(w + h·d) - L(w - h·d)) / 2h` for the smallest cut of `h` that keeps every ReLU and max pool on
  /// its branch; `nil` where none does.
  ///
  /// With h = 1e-5 the cut-off error is about h² and the rounding error about 1e-16/h: both 1e-10.
  func slope(_ parameter: Int, along direction: [Double]) -> Double? {
    for h in [1e-5, 1e-6, 1e-7] {
      let ends = [h, -h].map { step in
        var moved = reference
        for i in direction.indices { moved.parameters[parameter][i] += step * direction[i] }
        return moved.forward(input, straightThrough: base)
      }
      guard ends.allSatisfy({ $0.branches == base.branches }) else { continue }
      return (loss(ends[0]) - loss(ends[1])) / (2 * h)
    }
    return nil
  }

  private func loss(_ trace: ReferenceNetwork.Trace) -> Double {
    reference.graph.outputs.reduce(0) { sum, value in
      zip(upstream[value]!, trace.values[value]).reduce(sum) { $0 + $1.0 * $1.1 }
    }
  }
}
