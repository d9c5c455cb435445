/// Why a run cannot begin or go on. Each description is one sentence for the user.
public enum TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The recipe asks for something this version cannot do.
  case unsupported(String)
  /// The run folder holds a run already and nothing was said about resuming.
  case runExists(folder: String)
  /// A checkpoint that was trained under another recipe.
  case otherRecipe(path: String, differences: [RecipeDifference])
  /// A checkpoint of another network.
  case otherGraph(path: String, differences: [String])
  /// A checkpoint that was trained on other images, labels or classes.
  case otherData(path: String, changes: [String], hasOtherClasses: Bool)
  /// A warm start that finds too little of the network; `found` says what.
  case fewWeights(path: String, found: String)
  /// A checkpoint that lacks what is needed or does not fit the network.
  case unusableCheckpoint(path: String, reason: String)
  /// Losses or gradients were not finite too many times in a row.
  case diverged(step: Int, count: Int)

  public var description: String {
    switch self {
    case .unsupported(let reason): reason
    case .runExists(let folder):
      "\(folder) holds a run with checkpoints already; add --resume auto to go on with it, or give another folder with --run"
    case .otherRecipe(let path, let differences):
      "\(path) was trained under another recipe: \(differences.map(\.description).joined(separator: "; ")); \(Self.way(around: differences))"
    case .otherGraph(let path, let differences):
      "\(path) is of another network: \(differences.joined(separator: "; ")); use the data and the program it was trained with, or take its weights alone with --warm-start into another run"
    case .otherData(let path, let changes, let hasOtherClasses):
      "\(path) was trained on other data: \(changes.joined(separator: "; ")); use the data it was trained with, or "
        + (hasOtherClasses
          ? "start another run with its weights: --warm-start \(path) --run OTHER"
          : "add --allow-changed-data to begin its epoch anew on these")
    case .fewWeights(let path, let found):
      "--warm-start \(path): only \(found); less than three quarters of the network would begin trained, so name weights of the same network, or add --partial-weights to take what fits"
    case .unusableCheckpoint(let path, let reason):
      "\(path) cannot be used: \(reason)"
    case .diverged(let step, let count):
      "the loss or gradient was not finite in \(count) steps in a row, the last one being step \(step); lower `optimizer.learningRate` or look at the data with `edgewise data check`"
    }
  }
  /// What to do instead of resuming under another recipe.
  private static func way(around differences: [RecipeDifference]) -> String {
    let keys = Set(differences.map(\.key))
    if !keys.isDisjoint(with: ["schedule.floatEpochs", "schedule.qatEpochs"]) {
      return
        "the learning rate of every epoch follows from their number, so to train longer start another "
        + "run from its weights with the new schedule: --warm-start CHECKPOINT --run OTHER; or use that recipe"
    }
    if keys == ["system.threads"] {
      return
        "another number of threads changes the last bits; use \(differences[0].theirs), or start "
        + "another run from its weights: --warm-start CHECKPOINT --run OTHER"
    }
    return "use that recipe, or start another run with --run"
  }
}
