import Datasets
import Engine
import Foundation
import MessagePassing
import Parallel

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
    _ = Activity.computing.takeSeconds()
    while state.position < stepsPerEpoch {
      let rates = schedule.rates(step: phaseStep)
      let isStopping = try runStep(step, loader, rates)
      // Behind the phase's last step new statistics belong to the same step: two checkpoints of it differed.
      let isEpochOver = state.position == stepsPerEpoch
      if isStopping, !(isEpochOver && endsWithNewStatistics) { return .stop }
      if recipe.checkpoint.everySteps > 0, state.step % recipe.checkpoint.everySteps == 0,
        state.position < stepsPerEpoch
      {
        try save(mayBeLeftOut: true)
      }
    }
    let seconds = Date().timeIntervalSince(start)
    let trained = (stepsPerEpoch - first) * recipe.batch.size
    let last = schedule.rates(step: phaseStep - 1)
    let losses = state.meanLosses
    let rankTimes = try RankTimes(
      gathering: Activity.computing.takeSeconds() / Double(max(stepsPerEpoch - first, 1)),
      communicator: communicator)
    if endsWithNewStatistics { try reestimateBatchNorm() }
    let scored = try evaluateIfDue()
    let report = EpochReport(
      phase: state.phase, epoch: state.epoch, epochs: recipe.schedule.epochs, step: state.step,
      box: losses?[0], classification: losses?[1], distribution: losses?[2], pictureCount: trained,
      stepCount: stepsPerEpoch - first,
      seconds: seconds, evaluation: scored?.summary, learningRates: last.learningRates,
      rankTimes: rankTimes)
    state.epoch += 1
    state.position = 0
    state.lossSums = .zero
    state.lossSteps = 0
    // The best of a phase is on disk from the moment it is known, whatever the intervals are.
    if isCheckpointDue || scored?.isBest == true { try save() }
    reporter.epochFinished(report)
    return .done
  }

  /// Whether batch norms get the statistics of the quantized network behind this epoch.
  private var endsWithNewStatistics: Bool {
    state.phase == .qat && recipe.schedule.reestimateBatchNorm > 0
      && isPhaseEnd(epochsDone: state.epoch + 1)
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
        try ShardStep(recipe: recipe, graph: graph, store: state.store, teacher: teacher())
      }
    }
    let plan = shardStep!.plan
    plan.batchNormMode = .batch
    if state.phase == .qat {
      plan.quantizationMode = .quantize
      if qatEpoch >= recipe.schedule.freezeBatchNormAfter { plan.batchNormMode = .running }
      try state.setGrids(of: plan)
    }
    return shardStep!
  }

  /// How strongly weights are drawn to their grids in this step: more and more, along half a cosine.
  private var dampening: Double {
    guard state.phase == .qat, recipe.oscillation.dampening > 0 else { return 0 }
    let steps = recipe.schedule.qatEpochs * stepsPerEpoch
    let way = Double(phaseStep) / Double(max(steps - 1, 1))
    return recipe.oscillation.dampening * (1 - cos(way * .pi)) / 2
  }

  /// The teacher of this phase, if the recipe wants one.
  private func teacher() throws -> Teacher? {
    guard state.phase == .qat, let weights = state.teacher else { return nil }
    return try Teacher(
      recipe: recipe, weights: weights, float: floatGraph, student: quantizedGraph)
  }

  /// QAT epochs done.
  private var qatEpoch: Int { state.epoch - recipe.schedule.floatEpochs }

  private func requests() -> [BatchRequest] {
    let order = EpochOrder(
      seed: recipe.seed, epoch: state.epoch, sampleCount: training.samples.count)
    return BatchRequest.training(
      order: order, epoch: state.epoch, steps: state.position..<stepsPerEpoch,
      shards: globalStep.reduction.shards, globalBatch: recipe.batch.size,
      shardCount: recipe.batch.shards,
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
    let isStopping = try globalStep.compute(step) { () throws(DataError) in try loader.next() }
    let update = try globalStep.update(
      step.plan, rates: rates,
      observes: state.phase == .qat && recipe.quantization.ranges == .moving
        && qatEpoch < recipe.schedule.freezeObserversAfter, dampening: dampening)
    try count(update, rates)
    if recipe.checkpoint.agreeEvery > 0, state.step % recipe.checkpoint.agreeEvery == 0 {
      try checkAgreement()
    }
    return isStopping
  }

  /// Counts and reports a step; too many skipped ones in a row end the run.
  private func count(_ update: GlobalStep.Update, _ rates: StepRates) throws(FailureReport) {
    let losses = update.losses
    if update.isSkipped {
      state.skippedSteps += 1
      state.skippedInARow += 1
    } else {
      state.lossSums += losses.vector
      state.lossSteps += 1
      state.skippedInARow = 0
    }
    state.step += 1
    state.position += 1
    reporter.stepFinished(
      StepReport(
        phase: state.phase, step: state.step, epoch: state.epoch, epochs: recipe.schedule.epochs,
        position: state.position, stepsPerEpoch: stepsPerEpoch, box: losses.box,
        classification: losses.classification, distribution: losses.distribution,
        gradientNorm: update.gradientNorm, isSkipped: update.isSkipped,
        pictureCount: recipe.batch.size, rates: rates))
    if state.skippedInARow > recipe.limits.maximumSkippedSteps {
      let error = TrainingError.diverged(step: state.step, count: state.skippedInARow)
      throw FailureReport(message: error.description, exitCode: 1, rank: 0)
    }
  }

  /// Stops the run where ranks hold different bits (invariant I3).
  func checkAgreement() throws(FailureReport) {
    Activity.comparing.begin(step: state.step)
    do throws(Disagreement) {
      try agree(on: state.hash(), communicator: communicator)
    } catch {
      if case .notComparable(let error) = error {
        throw FailureReport(error, rank: communicator.rank)
      }
      throw FailureReport(message: error.description, exitCode: 1, rank: communicator.rank)
    }
  }
}
