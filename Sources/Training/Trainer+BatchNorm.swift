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
    let count = min(recipe.schedule.reestimateBatchNorm, training.samples.count)
    reporter.note("estimating batch norms anew from \(count) pictures")
    let requests = calibrationRequests(count)
    let shards = globalStep.reduction.shards.count
    let loader = BatchLoader(
      training, seed: recipe.seed, requests: requests, threads: recipe.system.loaderThreads)
    var means = [Double](repeating: 0, count: store.layout.statisticsCount)
    let batches = requests.count / max(shards, 1)
    for batch in 0..<batches {
      Activity.calibrating.begin(step: state.step)
      let pictures = try communicator.together(exitCode: exitCode) {
        try (0..<shards).compactMap { _ in try loader.next() }
      }
      try globalStep.sumStatistics(step, pictures) { sums in
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

  /// This rank's shards of the first `count` training pictures in global batches; the last batch is
  /// filled up from the front.
  func calibrationRequests(_ count: Int) -> [BatchRequest] {
    let B = recipe.batch.size
    return (0..<(count + B - 1) / B).flatMap { batch in
      globalStep.reduction.shards.map { shard in
        let first = batch * B + shard * recipe.batch.shardSize
        return BatchRequest(
          sampleIndices: (first..<first + recipe.batch.shardSize).map { $0 % count })
      }
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
