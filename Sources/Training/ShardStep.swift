import Datasets
import Detection
import Engine
import Graphs
import Tensors

/// Forward and loss of one shard; its backward pass is the plan's.
struct ShardStep {
  let plan: TrainingPlan
  let loss: DetectionLoss
  private let levels: [HeadLevel]
  /// In QAT, where the recipe asks for one.
  private let teacher: Teacher?

  /// Numbers behind the gradients and statistics that are summed too: box, class and distribution
  /// loss, what the teacher adds to them.
  static let extraCount = 16

  /// - Parameters:
  ///   - observes: for calibration, which has no grids yet to compute on.
  ///   - teacher: of shards of the same size.
  init(
    recipe: Recipe, graph: Graph, store: ParameterStore, observes: Bool = false,
    teacher: Teacher? = nil
  ) throws(EngineError) {
    self.teacher = teacher
    var options = recipe.planOptions(graph)
    if teacher != nil { options.kept = Teacher.kept(recipe, student: graph) }
    if observes { options.integerConvolutions = false }
    plan = try TrainingPlan(
      graph: graph, batchSize: recipe.batch.shardSize, store: store, extraCount: Self.extraCount,
      options: options)
    guard let head = graph.head else { throw EngineError("graph \(graph.name) is no detector") }
    var levels: [HeadLevel] = []
    for level in head.levels {
      let shape = graph.values[level.boxes].shape
      levels.append(
        HeadLevel(
          boxes: plan.output(level.boxes), classes: plan.output(level.classes),
          boxGradients: plan.outputGradient(level.boxes),
          classGradients: plan.outputGradient(level.classes), height: shape[0], width: shape[1],
          stride: level.stride))
    }
    self.levels = levels
    loss = DetectionLoss(
      batchSize: recipe.batch.shardSize, classCount: head.classNames.count,
      geometry: levels.map(\.geometry),
      gains: LossGains(
        box: Float(recipe.loss.box), classification: Float(recipe.loss.classification),
        distribution: Float(recipe.loss.distribution)))
  }

  /// Forward pass and loss: the shard's statistics and losses in the plan's sums, and the gradients
  /// of the outputs where `plan.backward` expects them.
  func forward(_ batch: Batch) {
    observe(batch)
    loss.targets.removeAll()
    for boxes in batch.boxes {
      loss.targets.startImage()
      for box in boxes {
        loss.targets.append(BoxTarget(classIndex: Int32(box.classIndex), corners: box.corners))
      }
    }
    let parts = loss.evaluate(levels: levels, gradientScale: 1)
    plan.extras[0] = parts.box
    plan.extras[1] = parts.classification
    plan.extras[2] = parts.distribution
    plan.extras[3] = teacher?.teach(plan, levels, batch) ?? 0
  }

  /// Forward only, for calibration.
  func observe(_ batch: Batch) {
    batch.images.withElements(as: UInt8.self) { plan.setInput($0.baseAddress!) }
    plan.forward()
  }

  /// The raw observer state of the last pass as numbers to take the maximum of: `-low`, then `high`
  /// for every site. A site that saw nothing gives -∞ twice.
  func writeExtremes(_ maxima: UnsafeMutablePointer<Float>) {
    for site in plan.graph.sites.indices {
      let seen = plan.extremes(site: site)
      maxima[2 * site] = -seen.low
      maxima[2 * site + 1] = seen.high
    }
  }
}
