import Checkpoints
import Engine
import Graphs
import MessagePassing
import Parallel
import Tensors

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
      !isFloat || !$0.key.hasPrefix("quantization.")
    }
    guard conflicts.isEmpty else {
      throw TrainingError.otherRecipe(path: path, differences: conflicts.map(\.description))
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

  /// Begins with the weights of a checkpoint: those of the same name and shape, averages where it has
  /// them. Optimizer, schedule and ranges begin anew. Says what was taken and what was not.
  ///
  /// *Collective.*
  func takeWeights(from path: String) throws(FailureReport) {
    let layout = state.store.layout
    try communicator.together(exitCode: exitCode) {
      let reader = try CheckpointReader(path: path)
      var weights = NamedWeights()
      var (missing, unfit): ([String], [String]) = ([], [])
      let segments = layout.trainable.filter { !$0.role.isQuantizer } + layout.statistics
      for segment in segments {
        let own: TensorRole = segment.role.isTrainable ? .parameter : .bn
        guard
          let record = reader.record(segment.name, role: .ema)
            ?? reader.record(segment.name, role: own)
        else {
          missing.append(segment.name)
          continue
        }
        guard record.shape == segment.shape, record.dtype == .float32 else {
          unfit.append("\(segment.name) \(record.shape) for \(segment.shape)")
          continue
        }
        let tensor = try reader.read(record)
        if let problem = segment.role.problem(in: tensor) {
          throw TrainingError.unusableCheckpoint(
            path: path, reason: "\(record.role) tensor \(segment.name) \(problem)")
        }
        weights[segment.name] = tensor
      }
      let taken = segments.count - missing.count - unfit.count
      guard taken > 0 else {
        throw TrainingError.unusableCheckpoint(
          path: path, reason: "none of its tensors has the name and shape of one of this network")
      }
      state.store.load(weights)
      func list(_ names: [String], _ what: String) -> String {
        guard !names.isEmpty else { return "" }
        let more = names.count > 8 ? ", …" : ""
        return "; \(names.count) \(what): " + names.prefix(8).joined(separator: ", ") + more
      }
      let names = Set(segments.map(\.name))
      let unused = Set(
        reader.manifest.tensors.filter { [.parameter, .bn, .ema].contains($0.role) }.map(\.name)
      ).subtracting(names).sorted()
      reporter.note(
        "warm start from \(path), step \(reader.manifest.step): \(taken) of \(segments.count) tensors taken"
          + list(missing, "are not in it") + list(unfit, "have another shape")
          + list(unused, "of its own are not used"))
    }
  }
}
