import Checkpoints
import Datasets
import Detection
public import Engine
import Foundation
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
/// ranges too.
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
  private let reduction: OrderedReduction
  private let sums, maxima, ownMaxima: AlignedBuffer

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
    let state = RunState(recipe: recipe, graph: float, siteCount: graph.sites.count)
    state.store.load(float.initialWeights(seed: recipe.seed))
    state.startAverages(recipe.ema)
    self.state = state
    step = try communicator.together(exitCode: exitCode) { [graph] in
      try ShardStep(recipe: recipe, graph: graph, store: state.store)
    }
    batch = Self.batch(
      count: recipe.batch.shardSize, size: recipe.model.inputSize, classCount: classCount)
    let sumCount = step.plan.sumCount
    let maximumCount = 2 * graph.sites.count + Trainer.flagCount
    reduction = try communicator.together(exitCode: exitCode) {
      try OrderedReduction(
        communicator: communicator, shardCount: recipe.batch.shards, sumCount: sumCount,
        maximumCount: maximumCount)
    }
    sums = AlignedBuffer(byteCount: sumCount * 4)
    maxima = AlignedBuffer(byteCount: maximumCount * 4)
    ownMaxima = AlignedBuffer(byteCount: maximumCount * 4)
    step.plan.batchNormMode = .batch
    if phase == .qat { try observe() }
  }

  /// Ranges from one pass, as calibration would give them.
  private func observe() throws(FailureReport) {
    let observer = try communicator.together(exitCode: exitCode) {
      try ShardStep(recipe: recipe, graph: graph, store: state.store, observes: true)
    }
    observer.plan.quantizationMode = .observe
    observer.plan.prepareWeights()
    observer.observe(batch)
    for site in graph.sites.indices {
      let seen = observer.plan.extremes(site: site)
      state.ranges[site].observe(low: seen.low, high: seen.high, momentum: 1)
    }
    step.plan.quantizationMode = .quantize
    try setGrids()
  }

  private func setGrids() throws(FailureReport) {
    do {
      for (site, grid) in try grids(of: graph, ranges: state.ranges).enumerated() {
        step.plan.setGrid(grid, site: site)
      }
    } catch {
      throw FailureReport(message: error.description, exitCode: 1, rank: communicator.rank)
    }
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
    do {
      try communicator.barrier()
      let start = seconds()
      let total = sums.base.assumingMemoryBound(to: Float.self)
      let most = maxima.base.assumingMemoryBound(to: Float.self)
      let own = ownMaxima.base.assumingMemoryBound(to: Float.self)
      let plan = step.plan
      plan.prepareWeights()
      reduction.begin()
      for shard in reduction.shards {
        own.update(repeating: -.infinity, count: reduction.maximumCount)
        step.run(batch)
        if phase == .qat { step.writeExtremes(own) }
        reduction.add(shard: shard, sums: plan.sums, maxima: own)
      }
      try reduction.finish(sums: total, maxima: most)
      update(total)
      if phase == .qat {
        for site in graph.sites.indices {
          state.ranges[site].observe(
            low: -most[2 * site], high: most[2 * site + 1],
            momentum: Float(recipe.quantization.observerMomentum))
        }
        try setGrids()
      }
      return seconds() - start
    } catch let report as FailureReport {
      throw report
    } catch {
      throw FailureReport(message: "\(error)", exitCode: 1, rank: communicator.rank)
    }
  }

  /// The optimizer's part, at a rate so low that the network stays what it is.
  private func update(_ total: UnsafeMutablePointer<Float>) {
    let S = Double(recipe.batch.shards)
    let clip = clipFactor(
      norm: gradientNorm(total, count: step.plan.gradientCount) / S,
      maximum: recipe.optimizer.gradientClip)
    func rates(_ weightDecay: Double) -> GroupRates {
      GroupRates(
        learningRate: 1e-6, momentum: recipe.optimizer.momentum, weightDecay: weightDecay)
    }
    let share = recipe.ema.enabled ? state.average.advance() : 0
    state.optimizer.step(
      parameters: state.store.trainable, gradients: total,
      rates: StepRates(
        bias: rates(0), weight: rates(recipe.optimizer.weightDecay), scale: rates(0)),
      gradientScale: clip / S,
      average: recipe.ema.enabled
        ? .init(values: state.averageParameterValues, share: share) : nil)
    if recipe.ema.enabled {
      blend(
        state.averageStatisticValues, toward: state.store.statistics,
        count: step.plan.statisticsCount, share: share)
    }
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
