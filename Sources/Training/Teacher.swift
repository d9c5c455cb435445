import Datasets
import Detection
import Engine
import Graphs
import Tensors

/// The float network that a quantized one is to resemble, for shards of one size.
///
/// It sees the student's pictures with its batch norms folded, so its numbers depend on the pictures
/// alone.
final class Teacher {
  private let plan: InferencePlan
  private let recipe: Recipe.Distillation
  private let classCount: Int
  private let heads: [HeadOutputs]
  /// Values of student and teacher that are held against each other.
  private let features: [(student: Int, teacher: Int)]

  /// - Parameter student: the network with sites.
  /// - Throws: a sentence, where a name of `distillation.features` is none of the networks', or lies
  ///   inside what is computed in one pass.
  init(recipe: Recipe, weights: NamedWeights, float: Graph, student: Graph) throws {
    let folded = try float.foldingBatchNorm(weights)
    self.recipe = recipe.distillation
    let values = try Self.features(recipe, float: folded.graph, student: student)
    features = values
    var options = PlanOptions()
    options.kept = values.map(\.teacher)
    plan = try InferencePlan(
      graph: folded.graph, weights: folded.weights, batchSize: recipe.batch.shardSize,
      options: options)
    heads = plan.headOutputs
    classCount = folded.graph.head!.classNames.count
  }

  /// The values that the names of `distillation.features` stand for.
  ///
  /// - Throws: a sentence with the first name that stands for none.
  static func features(_ recipe: Recipe, float: Graph, student: Graph) throws(TrainingError)
    -> [(student: Int, teacher: Int)]
  {
    var result: [(student: Int, teacher: Int)] = []
    for name in recipe.distillation.feature > 0 ? recipe.distillation.features : [] {
      guard let own = float.values.firstIndex(where: { $0.name == name }),
        !float.inputs.contains(own), let theirs = student.studentValue(name)
      else {
        throw .unsupported(
          "`distillation.features` names `\(name)`, which is no value of the network; near it are \(float.names(near: name).joined(separator: ", "))"
        )
      }
      result.append((theirs, own))
    }
    return result
  }

  /// The values that the student's plan must keep.
  static func kept(_ recipe: Recipe, student: Graph) -> [Int] {
    guard recipe.distillation.feature > 0 else { return [] }
    return recipe.distillation.features.compactMap { student.studentValue($0) }
  }

  /// Adds what the student loses against the teacher on `batch` to its gradients, after its forward
  /// pass and its own loss.
  ///
  /// - Returns: the loss, with its gains.
  func teach(_ student: TrainingPlan, _ levels: [HeadLevel], _ batch: Batch) -> Float {
    batch.images.withElements(as: UInt8.self) { plan.setInput($0.baseAddress!) }
    plan.forward()
    let parts = addDistillation(
      levels: levels, teacher: heads, batchSize: plan.batchSize, classCount: classCount,
      gains: DistillationGains(
        classification: Float(recipe.classification), distribution: Float(recipe.distribution),
        temperature: Float(recipe.temperature)), gradientScale: 1)
    var loss = parts.classification + parts.distribution
    for feature in features {
      loss += student.matchFeature(
        feature.student, to: plan, feature.teacher, gain: Float(recipe.feature))
    }
    return loss
  }
}

extension Graph {
  /// The value that stands for a name of the float network: on its grid, where it lies on one.
  fileprivate func studentValue(_ name: String) -> Int? {
    values.firstIndex { $0.name == "\(name).quantized" } ?? values.firstIndex { $0.name == name }
  }

  fileprivate func names(near name: String) -> [String] {
    values.map { (editDistance($0.name, name), $0.name) }.sorted { $0 < $1 }.prefix(3).map(\.1)
  }
}
