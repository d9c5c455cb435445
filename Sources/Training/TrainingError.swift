/// Why a run cannot begin or go on. Each description is one sentence for the user.
public enum TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The recipe asks for something this version cannot do.
  case unsupported(String)
  /// The run folder holds a run already and nothing was said about resuming.
  case runExists(folder: String)
  /// A checkpoint that was trained under another recipe.
  case otherRecipe(path: String, differences: [String])
  /// A checkpoint of another network.
  case otherGraph(path: String, differences: [String])
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
      "\(path) was trained under another recipe: \(differences.joined(separator: "; ")); use that recipe, or start another run with --run"
    case .otherGraph(let path, let differences):
      "\(path) is of another network: \(differences.joined(separator: "; ")); use the data and the program it was trained with, or take its weights alone with --warm-start into another run"
    case .unusableCheckpoint(let path, let reason):
      "\(path) cannot be used: \(reason)"
    case .diverged(let step, let count):
      "the loss or gradient was not finite in \(count) steps in a row, the last one being step \(step); lower `optimizer.learningRate` or look at the data with `edgewise data check`"
    }
  }
}
