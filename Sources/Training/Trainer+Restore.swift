import Checkpoints
import Graphs

extension Trainer {
  /// Holds a checkpoint's recipe and network against this run's.
  ///
  /// - Throws: `TrainingError` with the keys that differ.
  func checkFit(_ contents: CheckpointContents, path: String) throws {
    let saved: Recipe
    do { saved = try Recipe(json: contents.recipe.lineText) } catch {
      throw TrainingError.unusableCheckpoint(
        path: path, reason: "its recipe cannot be read (\(error))")
    }
    let isFloat = contents.state["phase"]?.string != Phase.qat.rawValue
    // Nothing that says how to quantize has decided anything before there are ranges.
    let conflicts = recipe.resumeConflicts(with: saved).filter {
      !(isFloat && $0.key.hasPrefix("quantization.")) && !allowances.permits($0.key)
    }
    guard conflicts.isEmpty else {
      throw TrainingError.otherRecipe(path: path, differences: conflicts)
    }
    let own = try state.snapshots.json(of: isFloat ? floatGraph : quantizedGraph)
    try check(differences(in: own, contents.graph), path: path)
  }

  /// - Throws: `TrainingError.otherGraph` where two graphs differ.
  func check(_ differences: [ManifestDifference], path: String) throws(TrainingError) {
    guard differences.isEmpty else {
      throw .otherGraph(path: path, differences: sentences(differences))
    }
  }

  private func sentences(_ differences: [ManifestDifference]) -> [String] {
    func short(_ value: JSONValue?) -> String {
      let text = value?.lineText ?? "absent"
      return text.count <= 60 ? text : text.prefix(57) + "..."
    }
    let shown = differences.prefix(5).map {
      "`graph.\($0.place)` is \(short($0.first)) here and \(short($0.second)) there"
    }
    let rest = differences.count - shown.count
    return shown + (rest > 0 ? ["and \(rest) more"] : [])
  }
}
