import Datasets
import Engine
import Graphs
import MessagePassing
import Parallel
import Quantization
import Tensors

extension Trainer {
  /// Running statistics anew, from the network as it is deployed: averaged weights, values on their
  /// grids.
  ///
  /// Training pictures without augmentation, in the order of the data set, in global batches; a
  /// statistic becomes the mean over the batches of its means over the shards. Sums go through the
  /// ordered reduction, so they are the same bits on any number of ranks.
  ///
  /// *Collective.*
  func reestimateBatchNorm() throws(FailureReport) {
    let store = ParameterStore(quantizedGraph)
    store.load(state.deployedWeights(recipe))
    let step = try communicator.together(exitCode: exitCode) {
      try ShardStep(recipe: recipe, graph: quantizedGraph, store: store)
    }
    step.plan.batchNormMode = .batch
    step.plan.quantizationMode = .quantize
    try state.setGrids(of: step.plan)
    step.plan.prepareWeights()
    let pictures = try communicator.together(exitCode: exitCode) {
      try CalibrationPictures(training, count: recipe.schedule.reestimateBatchNorm, recipe)
    }
    reporter.note("estimating batch norms anew from \(pictures.count) pictures")
    let shards = globalStep.reduction.shards
    let loader = pictures.loader(shards: shards)
    var means = [Double](repeating: 0, count: store.layout.statisticsCount)
    for batch in 0..<pictures.batchCount {
      Activity.calibrating.begin(step: state.step)
      let own = try communicator.together(exitCode: exitCode) {
        try shards.compactMap { _ in try loader.next() }
      }
      try globalStep.sumStatistics(step, own) { sums in
        for i in means.indices {
          means[i] += (Double(sums[i]) / Double(recipe.batch.shards) - means[i]) / Double(batch + 1)
        }
      }
    }
    for i in means.indices {
      state.store.statistics[i] = Float(means[i])
      state.averageStatisticValues[i] = Float(means[i])
    }
  }
}

extension GlobalStep {
  /// Forward passes of this rank's shards, and the sums of their batch statistics over all shards, in
  /// the layout of the running ones.
  ///
  /// *Collective.*
  func sumStatistics(
    _ step: ShardStep, _ batches: [Batch], _ body: (UnsafePointer<Float>) -> Void
  ) throws(FailureReport) {
    let maxima = ownMaxima.base.assumingMemoryBound(to: Float.self)
    maxima.update(repeating: -.infinity, count: reduction.maximumCount)
    reduction.begin()
    for (shard, batch) in zip(reduction.shards, batches) {
      step.observe(batch)
      reduction.add(shard: shard, sums: step.plan.sums, maxima: maxima)
    }
    do { try reduction.finish() } catch {
      throw FailureReport(error, rank: communicator.rank)
    }
    // Other ranks may still read these.
    body(UnsafePointer(reduction.sums + step.plan.gradientCount))
  }
}
