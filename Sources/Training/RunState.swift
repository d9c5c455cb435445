import Checkpoints
import Engine
public import Graphs
public import Quantization
import Tensors

/// Where in its schedule a run is.
public enum Phase: String, Hashable, Sendable, Codable {
  case float, qat
}

/// Everything that a run carries from step to step: what a checkpoint must hold.
final class RunState {
  let store: ParameterStore
  var optimizer: Optimizer
  /// The slow averages of parameters and of running statistics, in the store's layout.
  let averageParameters: AlignedBuffer
  let averageStatistics: AlignedBuffer
  var average: ExponentialAverage
  var phase = Phase.float
  /// One per site of the quantized graph; empty ranges before calibration.
  var ranges: [MovingRange]
  /// Optimizer steps tried, over all phases; a skipped one counts.
  var step = 0
  /// Counted over all phases, from 0.
  var epoch = 0
  /// Steps done in this epoch.
  var position = 0
  var skippedSteps = 0
  var skippedInARow = 0
  /// Sums over the steps of this epoch, for its row of results.
  var lossSums = SIMD4<Double>(repeating: 0)
  /// Steps of this epoch that were not skipped: those that `lossSums` holds.
  var lossSteps = 0
  /// The newest evaluation, with the weights that it is of; see `metrics`.
  var scored: OwnScores?
  /// What was scored over the whole run.
  var scores = RunScores()
  var snapshots = RunSnapshots()
  /// What the run is trained and validated on, for its checkpoints.
  var data: JSONValue?
  /// In QAT, where the recipe watches over oscillating weights.
  var oscillation: OscillationState?
  /// The weights in float that QAT is held against; `nil` where the recipe wants no teacher.
  var teacher: NamedWeights?

  /// - Parameter graph: the network with its sites, so that learned scales have their place too.
  init(recipe: Recipe, graph: Graph) {
    store = ParameterStore(graph)
    let layout = store.layout
    optimizer = Optimizer(
      recipe.optimizer,
      segments: layout.trainable.map {
        ParameterSegment(range: $0.range, kind: $0.role.kind, isQuantizer: $0.role.isQuantizer)
      }, count: layout.trainableCount, quantizerRate: recipe.quantization.scaleRate)
    averageParameters = AlignedBuffer(byteCount: layout.trainableCount * 4)
    averageStatistics = AlignedBuffer(byteCount: layout.statisticsCount * 4)
    average = ExponentialAverage(recipe.ema)
    ranges = Array(repeating: MovingRange(), count: graph.sites.count)
  }

  var averageParameterValues: UnsafeMutablePointer<Float> {
    averageParameters.base.assumingMemoryBound(to: Float.self)
  }

  var averageStatisticValues: UnsafeMutablePointer<Float> {
    averageStatistics.base.assumingMemoryBound(to: Float.self)
  }

  /// The averages begin as the parameters are now.
  func startAverages(_ recipe: Recipe.EMA) {
    averageParameterValues.update(from: store.trainable, count: store.layout.trainableCount)
    averageStatisticValues.update(from: store.statistics, count: store.layout.statisticsCount)
    average = ExponentialAverage(recipe)
  }

  /// Goes on from the averages: the weights that calibration and QAT start with.
  func adoptAverages(_ recipe: Recipe) {
    guard recipe.ema.enabled else { return }
    store.trainable.update(from: averageParameterValues, count: store.layout.trainableCount)
    store.statistics.update(from: averageStatisticValues, count: store.layout.statisticsCount)
  }

  /// The weights to evaluate and deploy: the averages, or the parameters where averaging is off.
  func deployedWeights(_ recipe: Recipe) -> NamedWeights {
    guard recipe.ema.enabled else { return store.weights() }
    var weights = NamedWeights()
    for (segments, base) in [
      (store.layout.trainable, averageParameterValues),
      (store.layout.statistics, averageStatisticValues),
    ] {
      for segment in segments {
        weights[segment.name] = Tensor(copying: base + segment.offset, shape: segment.shape)
      }
    }
    return weights
  }
}

extension Parameter.Role {
  /// What the optimizer treats it as.
  var kind: ParameterKind {
    switch self {
    case .weight: .weight
    case .scale, .weightScale, .siteScale: .scale
    case .bias, .shift, .runningMean, .runningVariance: .bias
    }
  }
}

/// The grids of a graph's sites: from `weights` where they are learned, fixed ones where a site has
/// one, else from their ranges.
///
/// - Throws: the name of a site that has seen nothing.
public func grids(of graph: Graph, ranges: [MovingRange], weights: NamedWeights = [:])
  throws(TrainingError) -> [Grid]
{
  var result: [Grid] = []
  for (site, range) in zip(graph.sites, ranges) {
    if let fixed = site.fixedRange {
      result.append(site.grid(covering: fixed.low, fixed.high))
    } else if let learned = site.learned,
      let values = weights[graph.parameters[learned.parameter].name]
    {
      result.append(
        values.withElements(as: Float.self) {
          site.grid(learned: learned.method, $0.baseAddress!)
        })
    } else if range.isEmpty {
      throw .unsupported("site \(site.name) has no range: it saw no picture; calibrate first")
    } else {
      result.append(site.grid(covering: range.low, range.high))
    }
  }
  return result
}
