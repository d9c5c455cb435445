import Datasets
public import Engine
import Glibc
import Graphs
import Images
public import MessagePassing
import Models
public import Parallel
import Quantization
import Tensors

/// Training steps on made-up pictures, timed: what a run does per step, without data and files.
///
/// Every rank computes one shard of `recipe.batch.shardSize` pictures with six boxes each: weights
/// prepared, forward, loss, backward, reduction over the ranks, optimizer and average; in QAT the
/// ranges too. It is the very code of a run.
public final class StepBenchmark {
  /// What was measured. Seconds are those of this rank; a step ends on all ranks together.
  public struct Result: Sendable {
    /// One per step, in order.
    public var seconds: [Double]
    /// Time per piece of the network, the mean of three further steps.
    public var profile: PlanProfile
    /// Of these steps, everything included; their mean.
    public var profiledSeconds: Double
    public var planByteCount: Int

    public var medianSeconds: Double { seconds.sorted()[seconds.count / 2] }
    public var minimumSeconds: Double { seconds.min()! }

    /// Of the whole step.
    public var convolutionShare: Double { profile.convolutionSeconds / profiledSeconds }

    /// 10⁹ operations of all convolutions per second of their time. A backward pass counts twice
    /// the forward one; but once for the first, whose input needs no gradient.
    public var convolutionGFLOPS: Double {
      var count = 0
      for (index, entry) in profile.entries.filter(\.isConvolution).enumerated() {
        count += entry.operationCount * (index == 0 ? 2 : 3)
      }
      return Double(count) / profile.convolutionSeconds * 1e-9
    }
  }

  private let recipe: Recipe
  private let phase: Phase
  private let communicator: Communicator
  private let graph: Graph
  private let state: RunState
  private let step: ShardStep
  private let batch: Batch
  private let globalStep: GlobalStep

  /// - Parameters:
  ///   - recipe: model, optimizer and, as `batch`, one shard per rank.
  ///   - classCount: how many classes the head has.
  /// - Throws: `FailureReport`, the same on every rank.
  ///
  /// *Collective.*
  public init(recipe: Recipe, phase: Phase, classCount: Int, communicator: Communicator)
    throws(FailureReport)
  {
    self.recipe = recipe
    self.phase = phase
    self.communicator = communicator
    let float = recipe.floatGraph(classNames: (0..<classCount).map { "class\($0)" })
    graph = try communicator.together(exitCode: exitCode) {
      phase == .qat ? try recipe.quantizedGraph(float) : float
    }
    let state = RunState(recipe: recipe, graph: graph)
    state.store.load(float.initialWeights(seed: recipe.seed))
    state.startAverages(recipe.ema)
    state.phase = phase
    self.state = state
    if phase == .qat {
      try Self.observe(recipe, graph, state, classCount: classCount, communicator)
    }
    step = try communicator.together(exitCode: exitCode) { [graph] in
      try ShardStep(recipe: recipe, graph: graph, store: state.store)
    }
    batch = Self.batch(
      count: recipe.batch.shardSize, size: recipe.model.inputSize, classCount: classCount)
    globalStep = try GlobalStep(
      recipe: recipe, state: state, graph: float, siteCount: graph.sites.count,
      communicator: communicator)
    step.plan.batchNormMode = .batch
    guard phase == .qat else { return }
    step.plan.quantizationMode = .quantize
    try state.setGrids(of: step.plan)
  }

  /// Ranges from one picture, as calibration would give them.
  private static func observe(
    _ recipe: Recipe, _ graph: Graph, _ state: RunState, classCount: Int,
    _ communicator: Communicator
  ) throws(FailureReport) {
    var recipe = recipe
    recipe.batch.size = recipe.batch.shards
    let observer = try communicator.together(exitCode: exitCode) { [recipe] in
      try ShardStep(recipe: recipe, graph: graph, store: state.store, observes: true)
    }
    observer.plan.quantizationMode = .observe
    state.startWeightScales(graph)
    observer.plan.prepareWeights()
    observer.observe(batch(count: 1, size: recipe.model.inputSize, classCount: classCount))
    for site in graph.sites.indices {
      let seen = observer.plan.extremes(site: site)
      state.ranges[site].observe(low: seen.low, high: seen.high, momentum: 1)
    }
    try communicator.together(exitCode: exitCode) { try state.startLearnedRanges(graph) }
  }

  /// Three steps to warm up, `count` that are timed, three for the profile.
  ///
  /// *Collective.*
  public func run(count: Int) throws(FailureReport) -> Result {
    precondition(count > 0, "\(count) steps")
    for _ in 0..<3 { _ = try timedStep() }
    var seconds: [Double] = []
    for _ in 0..<count { seconds.append(try timedStep()) }
    step.plan.startProfile()
    let profiledCount = 3
    var profiled = 0.0
    for _ in 0..<profiledCount { profiled += try timedStep() / Double(profiledCount) }
    var profile = step.plan.profile!
    for index in profile.entries.indices {
      profile.entries[index].forwardSeconds /= Double(profiledCount)
      profile.entries[index].backwardSeconds /= Double(profiledCount)
      profile.entries[index].kernelSeconds /= Double(profiledCount)
    }
    return Result(
      seconds: seconds, profile: profile, profiledSeconds: profiled,
      planByteCount: step.plan.byteCount)
  }

  private func timedStep() throws(FailureReport) -> Double {
    try communicator.together { try communicator.barrier() }
    let start = seconds()
    _ = try globalStep.compute(step) { batch }
    _ = try globalStep.update(step.plan, rates: rates, observes: phase == .qat)
    return seconds() - start
  }

  /// So low that the network stays what it is.
  private var rates: StepRates {
    func rates(_ weightDecay: Double) -> GroupRates {
      GroupRates(
        learningRate: 1e-6, momentum: recipe.optimizer.momentum, weightDecay: weightDecay)
    }
    return StepRates(
      bias: rates(0), weight: rates(recipe.optimizer.weightDecay), scale: rates(0))
  }

  private func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Noise with six boxes a picture, the same on every rank and in every run.
  private static func batch(count: Int, size: Int, classCount: Int) -> Batch {
    var images = Tensor(shape: [count, size, size, 3], dtype: .uint8)
    images.withMutableElements(as: UInt8.self) { pixels in
      var state: UInt32 = 1
      for i in pixels.indices {
        state = state &* 1_664_525 &+ 1_013_904_223
        pixels[i] = UInt8(truncatingIfNeeded: state >> 24)
      }
    }
    let boxes = (0..<count).map { image in
      (0..<6).map { k -> LabeledBox in
        let side = Float(size) * (0.2 + 0.05 * Float((image + k) % 6))
        let x = Float(size) * 0.1 * Float(k + 1) - side / 4
        let y = Float(size) * 0.1 * Float((3 * k + image) % 7 + 1) - side / 4
        let corners = SIMD4(
          max(x, 0), max(y, 0), min(x + side, Float(size)), min(y + side, Float(size)))
        return LabeledBox(classIndex: (image + k) % classCount, corners: corners)
      }
    }
    return Batch(
      images: images, boxes: boxes, sampleIndices: Array(0..<count),
      letterboxes: Array(
        repeating: Letterbox(fitting: .init(width: size, height: size), into: size), count: count))
  }
}
