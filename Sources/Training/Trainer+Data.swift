import Checkpoints
import Datasets
import Engine
import Parallel

/// Which splits are not those of the checkpoint gone on from.
struct DataChanges {
  var training = false
  var validation = false
}

extension Trainer {
  /// Holds what a checkpoint says of its data against this run's.
  ///
  /// - Throws: `TrainingError.otherData` with what changed, unless `allowances` permit it. Other classes
  ///   are never permitted: the network's outputs stand for them.
  func checkData(_ contents: CheckpointContents, path: String) throws(TrainingError) -> DataChanges
  {
    var changes = DataChanges()
    var (clauses, unknown): ([String], [String]) = ([], [])
    var hasOtherClasses = false
    for (split, facts) in data.splits {
      guard let saved = DatasetSummary(comparable: contents.state["data"]?[split]) else {
        unknown.append(split)
        continue
      }
      guard saved.fingerprint != facts.fingerprint else { continue }
      if split == "training" { changes.training = true } else { changes.validation = true }
      hasOtherClasses = hasOtherClasses || saved.classNames != facts.classNames
      let words = DatasetWords(split: split, we: "this run", they: "the checkpoint")
      var found = facts.summary.clauses(against: saved, words)
      if let first = facts.firstDifference(from: saved, words) {
        found.append("of the \(split) images, \(first)")
      } else if found.isEmpty {
        found.append("its \(split) images or labels are others")
      }
      // Both splits have the same classes, so the second says nothing new of them.
      clauses += found.filter { !clauses.contains($0) }
    }
    if !unknown.isEmpty {
      reporter.note(
        "\(path) says nothing of its \(unknown.joined(separator: " and ")) data that can be compared; "
          + "nobody knows whether these are the same")
      // What is not known may have changed, and who says so gets a whole epoch on it.
      if allowances.contains(.changedData), unknown.contains("training") { changes.training = true }
    }
    if !clauses.isEmpty {
      guard allowances.contains(.changedData), !hasOtherClasses else {
        throw .otherData(path: path, changes: clauses, hasOtherClasses: hasOtherClasses)
      }
      reporter.note("the data changed: " + clauses.joined(separator: "; "))
    }
    return changes
  }

  /// Begins the epoch anew where the images to train on are others; scores on other images are no
  /// scores of this run.
  ///
  /// The steps done stay counted, so that checkpoints keep their order.
  func adopt(_ changes: DataChanges) {
    if changes.validation { (state.scores, state.scored) = (RunScores(), nil) }
    guard changes.training else { return }
    if state.position > 0 {
      reporter.note(
        "epoch \(state.epoch + 1) begins anew on these data, behind step \(state.step)")
    }
    state.position = 0
    (state.lossSums, state.lossSteps) = (.zero, 0)
  }

  /// Says so where the checkpoint's numbers came from another processor or library: the run goes on, but
  /// not to the bits it would have had there.
  func compareCompute(_ contents: CheckpointContents) {
    guard let theirs = contents.libraries["compute"], let ours = libraries["compute"],
      theirs != ours
    else { return }
    reporter.note(
      "the checkpoint was computed with \(theirs), this run has \(ours): it goes on, but its last bits "
        + "are not those it would have had there")
  }

  /// How far a checkpoint is in its phase, against this run's recipe and data; `RunCounters` has held the
  /// numbers against what any data allow.
  ///
  /// - Throws: `TrainingError.unusableCheckpoint` with the number and what it may be.
  func checkProgress(path: String) throws(TrainingError) {
    let schedule = recipe.schedule
    func require(_ isSo: Bool, _ reason: @autoclosure () -> String) throws(TrainingError) {
      if !isSo { throw .unusableCheckpoint(path: path, reason: reason()) }
    }
    let isFloat = state.phase == .float
    let epochs = isFloat ? 0...schedule.floatEpochs : schedule.floatEpochs...schedule.epochs
    try require(
      epochs.contains(state.epoch),
      "\(state.epoch) of its epochs are done, but the \(state.phase.rawValue) phase of the recipe goes "
        + "from \(epochs.lowerBound) to \(epochs.upperBound)")
    let mostSteps = state.epoch == epochs.upperBound ? 0 : stepsPerEpoch
    try require(
      (0...mostSteps).contains(state.position),
      "\(state.position) steps of its epoch \(state.epoch) are done, but \(data.training.samples.count) "
        + "training images give it \(mostSteps); use the data it was trained with, or add "
        + "--allow-changed-data to begin the epoch anew")
  }
}
