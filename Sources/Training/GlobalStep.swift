import Datasets
import Engine
import Graphs
import MessagePassing
import Parallel
import Quantization
import Tensors

/// One optimizer step on all ranks: a run's, and what the benchmark of a step measures.
///
/// `compute` runs this rank's shards and sums over all of them, while the last shard's backward pass
/// goes on; `update` turns the sums into the next state. All decisions follow from reduced numbers,
/// so all ranks take the same ones.
final class GlobalStep {
  let reduction: OrderedReduction
  let recipe: Recipe
  let communicator: Communicator
  private let state: RunState
  private let siteCount: Int
  private let gradientCount, statisticsCount: Int
  /// What this rank's shard brings: extremes of the sites, then the flags.
  let ownMaxima: AlignedBuffer
  /// Per element of the running statistics, the momentum of its batch norm.
  private let statisticsMomentum: [Float]

  /// Entries of the maxima behind the observers: the stop flag, and that of a rank's failure.
  private static let flagCount = 16

  /// Means over the shards.
  struct Losses {
    var box, classification, distribution: Double
    /// Against the teacher; 0 without one.
    var distillation = 0.0

    var vector: SIMD4<Double> { SIMD4(box, classification, distribution, 0) }
    var isFinite: Bool { (box + classification + distribution + distillation).isFinite }
  }

  /// What an update did.
  struct Update {
    var losses: Losses
    var gradientNorm: Double
    /// The loss or gradient is not finite: the state stays as it is.
    var isSkipped: Bool
  }

  /// - Parameters:
  ///   - graph: the network without sites.
  ///   - siteCount: of the network with sites.
  /// - Throws: `FailureReport`, the same on every rank.
  ///
  /// *Collective.*
  init(
    recipe: Recipe, state: RunState, graph: Graph, siteCount: Int, communicator: Communicator
  ) throws(FailureReport) {
    let layout = state.store.layout
    let sumCount = layout.trainableCount + layout.statisticsCount + ShardStep.extraCount
    let maximumCount = 2 * siteCount + Self.flagCount
    reduction = try communicator.together(exitCode: exitCode) {
      try OrderedReduction(
        communicator: communicator, shardCount: recipe.batch.shards, sumCount: sumCount,
        maximumCount: maximumCount, gradientCount: layout.trainableCount)
    }
    self.recipe = recipe
    self.communicator = communicator
    self.state = state
    self.siteCount = siteCount
    (gradientCount, statisticsCount) = (layout.trainableCount, layout.statisticsCount)
    ownMaxima = AlignedBuffer(byteCount: maximumCount * MemoryLayout<Float>.stride)
    statisticsMomentum = Self.momentum(of: graph, layout: layout)
  }

  private static func momentum(of graph: Graph, layout: ParameterLayout) -> [Float] {
    var result = [Float](repeating: 0, count: layout.statisticsCount)
    for node in graph.nodes {
      guard case .batchNorm(_, let momentum) = node.operation else { continue }
      for p in node.parameters where !graph.parameters[p].role.isTrainable {
        let offset = layout.offsets[p]
        for i in 0..<graph.parameters[p].shape.elementCount { result[offset + i] = momentum }
      }
    }
    return result
  }

  // MARK: - Sums over all shards

  /// Forward, loss and backward of this rank's shards, and the sums over all shards.
  ///
  /// - Parameter next: the batch of the next shard.
  /// - Returns: whether a signal asked any rank to stop.
  /// - Throws: the same report on every rank, also where `next` throws on one.
  ///
  /// *Collective.*
  func compute(_ step: ShardStep, next: () throws(DataError) -> Batch?) throws(FailureReport)
    -> Bool
  {
    var failure: FailureReport?
    let plan = step.plan
    let own = ownMaxima.base.assumingMemoryBound(to: Float.self)
    Activity.computing.begin(step: state.step + 1)
    do {
      plan.prepareWeights()
      reduction.begin()
      for shard in reduction.shards {
        Activity.goOn()
        var batch: Batch?
        do throws(DataError) { batch = try next() } catch {
          failure = FailureReport(
            message: error.description, exitCode: exitCode(error), rank: communicator.rank)
        }
        own.update(repeating: -.infinity, count: reduction.maximumCount)
        if let batch { step.forward(batch) }
        // Everything but the gradients is known now, so it goes first.
        if batch != nil, state.phase == .qat { step.writeExtremes(own) }
        if StopSignals.isRequested { own[2 * siteCount] = 1 }
        if failure != nil { own[2 * siteCount + 1] = 1 }
        guard batch != nil else {
          reduction.add(shard: shard, sums: plan.sums, maxima: own)
          continue
        }
        reduction.open(shard: shard, sums: plan.sums, maxima: own)
        try reduction.advance(finalFrom: gradientCount)
        try plan.backward { (from) throws(MPIError) in
          try reduction.advance(finalFrom: from)
        }
      }
      Activity.reducing.begin(step: state.step + 1)
      try reduction.finish()
    } catch {
      throw FailureReport(error, rank: communicator.rank)
    }
    Activity.updating.begin(step: state.step + 1)
    if reduction.maxima[2 * siteCount + 1] > 0 { try communicator.throwTogether(failure) }
    return reduction.maxima[2 * siteCount] > 0
  }

  // MARK: - The next state

  /// Moves parameters, running statistics, averages and ranges; the same on every rank.
  ///
  /// - Parameters:
  ///   - observes: the ranges go on following what the sites saw.
  ///   - dampening: how strongly weights are drawn to their grids, as a factor of the rate.
  func update(_ plan: TrainingPlan, rates: StepRates, observes: Bool, dampening: Double = 0)
    throws(FailureReport) -> Update
  {
    let total = reduction.sums
    let S = Double(recipe.batch.shards)
    let scale = (recipe.loss.reduction == .sum ? Double(recipe.batch.size) : 1) / S
    let norm = gradientNorm(total, count: gradientCount) * scale
    let extras = total + gradientCount + statisticsCount
    let losses = Losses(
      box: Double(extras[0]) / S, classification: Double(extras[1]) / S,
      distribution: Double(extras[2]) / S, distillation: Double(extras[3]) / S)
    guard norm.isFinite && losses.isFinite else {
      return Update(losses: losses, gradientNorm: norm, isSkipped: true)
    }
    let clip = clipFactor(norm: norm, maximum: recipe.optimizer.gradientClip)
    let share = recipe.ema.enabled ? state.average.advance() : 0
    state.optimizer.step(
      parameters: state.store.trainable, gradients: total, rates: rates,
      gradientScale: scale * clip,
      average: recipe.ema.enabled
        ? .init(values: state.averageParameterValues, share: share) : nil)
    state.oscillation?.step(
      state.store.trainable, pull: Float(rates.weight.learningRate * dampening),
      recipe: recipe.oscillation)
    if plan.batchNormMode == .batch {
      moveStatistics(total + gradientCount, shardCount: Float(S))
    }
    if recipe.ema.enabled {
      blend(
        state.averageStatisticValues, toward: state.store.statistics, count: statisticsCount,
        share: share)
    }
    if observes { try moveRanges(plan) }
    return Update(losses: losses, gradientNorm: norm, isSkipped: false)
  }

  /// `r ← r + m·(mean over shards - r)` for running means and variances.
  private func moveStatistics(_ sums: UnsafePointer<Float>, shardCount: Float) {
    let running = state.store.statistics
    for i in statisticsMomentum.indices {
      running[i] += statisticsMomentum[i] * (sums[i] / shardCount - running[i])
    }
  }

  private func moveRanges(_ plan: TrainingPlan) throws(FailureReport) {
    let most = reduction.maxima
    for site in plan.graph.sites.indices {
      state.ranges[site].observe(
        low: -most[2 * site], high: most[2 * site + 1],
        momentum: Float(recipe.quantization.observerMomentum))
    }
    try state.setGrids(of: plan)
  }
}

extension RunState {
  /// Gives a plan with sites the grids of the ranges.
  func setGrids(of plan: TrainingPlan) throws(FailureReport) {
    do {
      // The plan itself sets those that are learned.
      for (site, grid) in try grids(of: plan.graph, ranges: ranges).enumerated()
      where plan.graph.sites[site].learned == nil {
        plan.setGrid(grid, site: site)
      }
    } catch {
      // The ranges are the same on all ranks, so all of them come here.
      throw FailureReport(message: error.description, exitCode: exitCode(error), rank: 0)
    }
  }
}
