import Checkpoints
import Datasets
import Detection
import Engine
import Foundation
import Graphs
import MessagePassing
import Models
import Parallel
import Quantization
import Tensors

extension Trainer {
  enum EpochEnd { case done, stop }

  /// The steps of the current epoch from the current position on, then evaluation and checkpoint.
  func runEpoch() throws(FailureReport) -> EpochEnd {
    let step = try preparedStep()
    let schedule = phaseSchedule()
    let loader = BatchLoader(
      training, seed: recipe.seed, requests: requests(), threads: recipe.system.loaderThreads)
    let start = Date()
    let first = state.position
    while state.position < stepsPerEpoch {
      let rates = schedule.rates(step: phaseStep)
      let isStopping = try runStep(step, loader, rates)
      if isStopping { return .stop }
      if recipe.checkpoint.everySteps > 0, state.step % recipe.checkpoint.everySteps == 0,
        state.position < stepsPerEpoch
      {
        try save(mayBeLeftOut: true)
      }
    }
    let seconds = Date().timeIntervalSince(start)
    let trained = (stepsPerEpoch - first) * recipe.batch.size
    let last = schedule.rates(step: phaseStep - 1)
    let losses = state.lossSums / Double(stepsPerEpoch)
    let evaluation = try evaluateIfDue()
    let report = EpochReport(
      phase: state.phase, epoch: state.epoch, epochs: recipe.schedule.epochs, step: state.step,
      box: losses[0], classification: losses[1], distribution: losses[2], pictureCount: trained,
      seconds: seconds, evaluation: evaluation, learningRates: last.learningRates)
    state.epoch += 1
    state.position = 0
    state.lossSums = .zero
    if isCheckpointDue { try save() }
    reporter.epochFinished(report)
    return .done
  }

  /// Whether the epoch just counted ends with a checkpoint.
  private var isCheckpointDue: Bool {
    let every = recipe.checkpoint.everyEpochs
    return (every > 0 && state.epoch % every == 0) || isPhaseEnd(epochsDone: state.epoch)
  }

  func isPhaseEnd(epochsDone: Int) -> Bool {
    epochsDone == recipe.schedule.floatEpochs || epochsDone == recipe.schedule.epochs
  }

  /// Steps of this phase before the current one.
  private var phaseStep: Int {
    let firstEpoch = state.phase == .float ? 0 : recipe.schedule.floatEpochs
    return (state.epoch - firstEpoch) * stepsPerEpoch + state.position
  }

  private func phaseSchedule() -> LearningRateSchedule {
    switch state.phase {
    case .float: LearningRateSchedule(float: recipe, stepsPerEpoch: stepsPerEpoch)
    case .qat: LearningRateSchedule(quantized: recipe, stepsPerEpoch: stepsPerEpoch)
    }
  }

  /// The plan of this phase with the modes of this epoch.
  private func preparedStep() throws(FailureReport) -> ShardStep {
    let graph = state.phase == .float ? floatGraph : quantizedGraph
    if shardStep?.plan.graph != graph {
      shardStep = nil
      shardStep = try communicator.together(exitCode: exitCode) {
        try ShardStep(recipe: recipe, graph: graph, store: state.store)
      }
    }
    let plan = shardStep!.plan
    plan.batchNormMode = .batch
    plan.quantizationMode = .off
    if state.phase == .qat {
      plan.quantizationMode = .quantize
      if qatEpoch >= recipe.schedule.freezeBatchNormAfter { plan.batchNormMode = .running }
      try setGrids(plan)
    }
    return shardStep!
  }

  /// QAT epochs done.
  private var qatEpoch: Int { state.epoch - recipe.schedule.floatEpochs }

  private func setGrids(_ plan: TrainingPlan) throws(FailureReport) {
    do {
      for (site, grid) in try grids(of: plan.graph, ranges: state.ranges).enumerated() {
        plan.setGrid(grid, site: site)
      }
    } catch {
      // The ranges are the same on all ranks, so all of them come here.
      throw FailureReport(message: error.description, exitCode: exitCode(error), rank: 0)
    }
  }

  private func requests() -> [BatchRequest] {
    let order = EpochOrder(
      seed: recipe.seed, epoch: state.epoch, sampleCount: training.samples.count)
    return BatchRequest.training(
      order: order, epoch: state.epoch, steps: state.position..<stepsPerEpoch,
      shards: reduction.shards, globalBatch: recipe.batch.size, shardCount: recipe.batch.shards,
      augmentation: augmentation())
  }

  /// Mosaic is off in the last epochs of the float phase and in QAT.
  private func augmentation() -> AugmentationSettings {
    let a = recipe.augmentation
    let closes =
      state.phase == .qat
      || state.epoch >= recipe.schedule.floatEpochs - a.closeMosaicEpochs
    return AugmentationSettings(
      mosaic: closes ? 0 : Float(a.mosaic), hue: Float(a.hsvHue),
      saturation: Float(a.hsvSaturation),
      value: Float(a.hsvValue), flip: Float(a.flip), scale: Float(a.scale),
      translate: Float(a.translate))
  }

  // MARK: - One step

  /// - Returns: whether a signal asked to stop; the step is done all the same.
  private func runStep(_ step: ShardStep, _ loader: BatchLoader, _ rates: StepRates)
    throws(FailureReport) -> Bool
  {
    let plan = step.plan
    let own = ownMaxima.base.assumingMemoryBound(to: Float.self)
    var failure: FailureReport?
    plan.prepareWeights()
    reduction.begin()
    for shard in reduction.shards {
      own.update(repeating: -.infinity, count: 2 * siteCount + Self.flagCount)
      do {
        if let batch = try loader.next() {
          step.run(batch)
          if state.phase == .qat { step.writeExtremes(own) }
        }
      } catch {
        failure = FailureReport(
          message: error.description, exitCode: exitCode(error), rank: communicator.rank)
        own[2 * siteCount + 1] = 1
      }
      if StopSignals.isRequested { own[2 * siteCount] = 1 }
      reduction.add(shard: shard, sums: plan.sums, maxima: own)
    }
    let total = sums.base.assumingMemoryBound(to: Float.self)
    let most = maxima.base.assumingMemoryBound(to: Float.self)
    do { try reduction.finish(sums: total, maxima: most) } catch {
      throw FailureReport(message: error.description, exitCode: 1, rank: communicator.rank)
    }
    if most[2 * siteCount + 1] > 0 { try communicator.throwTogether(failure) }
    try apply(total, most, plan, rates)
    if recipe.checkpoint.agreeEvery > 0, state.step % recipe.checkpoint.agreeEvery == 0 {
      try checkAgreement()
    }
    return most[2 * siteCount] > 0
  }

  /// Turns the reduced numbers into the next state; the same on every rank.
  private func apply(
    _ total: UnsafeMutablePointer<Float>, _ most: UnsafeMutablePointer<Float>, _ plan: TrainingPlan,
    _ rates: StepRates
  ) throws(FailureReport) {
    let S = Double(recipe.batch.shards)
    let scale = (recipe.loss.reduction == .sum ? Double(recipe.batch.size) : 1) / S
    let norm = gradientNorm(total, count: plan.gradientCount) * scale
    let extras = total + plan.gradientCount + plan.statisticsCount
    let losses = SIMD4(Double(extras[0]), Double(extras[1]), Double(extras[2]), 0) / S
    let isFinite = norm.isFinite && losses.sum().isFinite
    if isFinite {
      let clip = clipFactor(norm: norm, maximum: recipe.optimizer.gradientClip)
      let share = recipe.ema.enabled ? state.average.advance() : 0
      state.optimizer.step(
        parameters: state.store.trainable, gradients: total, rates: rates,
        gradientScale: scale * clip,
        average: recipe.ema.enabled
          ? .init(values: state.averageParameterValues, share: share) : nil)
      if plan.batchNormMode == .batch {
        moveStatistics(total + plan.gradientCount, shardCount: Float(S))
      }
      if recipe.ema.enabled {
        blend(
          state.averageStatisticValues, toward: state.store.statistics,
          count: plan.statisticsCount, share: share)
      }
      if state.phase == .qat, qatEpoch < recipe.schedule.freezeObserversAfter {
        try moveRanges(most, plan)
      }
      state.lossSums += losses
      state.skippedInARow = 0
    } else {
      state.skippedSteps += 1
      state.skippedInARow += 1
    }
    state.step += 1
    state.position += 1
    reporter.stepFinished(
      StepReport(
        phase: state.phase, step: state.step, epoch: state.epoch, epochs: recipe.schedule.epochs,
        position: state.position, stepsPerEpoch: stepsPerEpoch, box: losses[0],
        classification: losses[1], distribution: losses[2], gradientNorm: norm,
        isSkipped: !isFinite, pictureCount: recipe.batch.size, rates: rates))
    if state.skippedInARow > recipe.limits.maximumSkippedSteps {
      let error = TrainingError.diverged(step: state.step, count: state.skippedInARow)
      throw FailureReport(message: error.description, exitCode: 1, rank: 0)
    }
  }

  /// `r ← r + m·(mean over shards - r)` for running means and variances.
  private func moveStatistics(_ sums: UnsafePointer<Float>, shardCount: Float) {
    let running = state.store.statistics
    for i in statisticsMomentum.indices {
      running[i] += statisticsMomentum[i] * (sums[i] / shardCount - running[i])
    }
  }

  private func moveRanges(_ most: UnsafePointer<Float>, _ plan: TrainingPlan) throws(FailureReport)
  {
    for site in quantizedGraph.sites.indices {
      state.ranges[site].observe(
        low: -most[2 * site], high: most[2 * site + 1],
        momentum: Float(recipe.quantization.observerMomentum))
    }
    try setGrids(plan)
  }

  /// Stops the run where ranks hold different bits (invariant I3).
  func checkAgreement() throws(FailureReport) {
    do { try agree(on: state.hash(), communicator: communicator) } catch {
      throw FailureReport(message: error.description, exitCode: 1, rank: communicator.rank)
    }
  }
}
