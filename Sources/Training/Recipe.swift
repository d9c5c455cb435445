public import Engine
import Graphs
import Quantization

/// Everything about a run as one value: which model, which pictures, how it learns, how it is
/// quantized, when it is saved.
///
/// A recipe file holds only what differs from the defaults below; every checkpoint holds the whole
/// recipe. Nothing in it depends on the world size. Read one with `init(contentsOf:overrides:)`;
/// the `Codable` conformance moves values about and does not check them.
public struct Recipe: Codable, Sendable, Hashable {
  /// What the run is called in its report and its exports.
  public var name = "run"
  /// Decides the first weights, the order of the pictures and their augmentation.
  public var seed: UInt64 = 1
  /// Of the convolutions' factors in training, wherever they do not run on integers: `float32`, or
  /// `bfloat16` for half the time. Weights, sums and gradients stay FP32.
  public var precision = Precision.float32
  public var model = Model()
  public var data = Data()
  public var batch = Batch()
  public var augmentation = Augmentation()
  public var optimizer = Optimizer()
  public var ema = EMA()
  public var loss = Loss()
  public var schedule = Schedule()
  public var quantization = Quantization()
  public var distillation = Distillation()
  public var oscillation = Oscillation()
  public var checkpoint = Checkpoint()
  public var evaluation = Evaluation()
  public var export = Export()
  public var limits = Limits()
  public var system = System()

  public init() {}

  /// Every key a recipe may have, in the order in which people read them.
  public static let fields: [RecipeField] =
    [
      .text("name", \.name, onResume: .free),
      .seed("seed", \.seed),
      .choice("precision", \.precision),
    ] + Model.fields + Data.fields + Batch.fields + Augmentation.fields + Optimizer.fields
    + EMA.fields + Loss.fields + Schedule.fields + Quantization.fields + Distillation.fields
    + Oscillation.fields + Checkpoint.fields
    + Evaluation.fields + Export.fields + Limits.fields + System.fields
}

extension Recipe {
  /// How this machine computes a graph in training: convolutions between quantized values on integers,
  /// where its processor does that exactly, and with the target's roundings.
  func planOptions(_ graph: Graph) -> PlanOptions {
    PlanOptions(
      integerConvolutions: !graph.sites.isEmpty
        && ComputeDescription.current.hasExactIntegerConvolutions,
      arithmetic: quantization.target.kind.arithmetic,
      precision: precision)
  }

  /// The same for a forward pass alone: what is not integers is FP32.
  func forwardOptions(_ graph: Graph) -> PlanOptions {
    var options = planOptions(graph)
    options.precision = .float32
    return options
  }
}
