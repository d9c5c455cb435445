import Checkpoints
import Engine
import Graphs
import MessagePassing
import Parallel
import Tensors

extension Trainer {
  /// The part of a network's tensors, and of its numbers, that a warm start must find. A new head for
  /// other classes leaves more than four fifths; a network of another size keeps next to nothing.
  public static let leastWarmStart = 0.75

  /// Begins with the weights of a checkpoint: those of the same name and shape, averages where it has
  /// them. Optimizer, schedule and ranges begin anew. Says what was taken and what was not.
  ///
  /// The input's size decides no weight's shape, so any will do.
  ///
  /// *Collective.*
  /// - Throws: the same report on every rank; where fewer than `leastWarmStart` fit and `allowances` do
  ///   not permit that, with what does not.
  func takeWeights(from path: String) throws(FailureReport) {
    try communicator.together(exitCode: exitCode) {
      let reader = try CheckpointReader(path: path)
      let match = WarmStartMatch(reader, layout: state.store.layout)
      guard !match.taken.isEmpty else {
        throw TrainingError.unusableCheckpoint(
          path: path, reason: "none of its tensors has the name and shape of one of this network")
      }
      if match.share < Self.leastWarmStart, !allowances.contains(.partialWeights) {
        throw TrainingError.fewWeights(
          path: path, found: match.counts + otherArchitecture(reader) + match.rest)
      }
      var weights = NamedWeights()
      for (record, role) in match.taken {
        let tensor = try reader.read(record)
        if let problem = role.problem(in: tensor) {
          throw TrainingError.unusableCheckpoint(
            path: path, reason: "\(record.role) tensor \(record.name) \(problem)")
        }
        weights[record.name] = tensor
      }
      state.store.load(weights)
      reporter.note(
        "warm start from \(path), step \(reader.manifest.step): \(match.counts) taken" + match.rest)
    }
  }

  /// "; its `model.architecture` is …" where the checkpoint's recipe says another than this run's.
  private func otherArchitecture(_ reader: CheckpointReader) -> String {
    guard let saved = try? Recipe(json: reader.manifest.recipe.lineText),
      saved.model.architecture != recipe.model.architecture
    else { return "" }
    return
      "; its `model.architecture` is \(saved.model.architecture.rawValue), this run's \(recipe.model.architecture.rawValue)"
  }
}

/// Which tensors of a network a checkpoint has.
private struct WarmStartMatch {
  var taken: [(record: TensorRecord, role: Parameter.Role)] = []
  private var missing: [String] = []
  private var unfit: [String] = []
  /// Tensors that the checkpoint has and the network does not.
  private var unused: [String] = []
  private var count = 0
  private var numberShare = 0.0

  init(_ reader: CheckpointReader, layout: ParameterLayout) {
    let segments = layout.trainable.filter { !$0.role.isQuantizer } + layout.statistics
    count = segments.count
    var (found, all) = (0, 0)
    for segment in segments {
      all += segment.count
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
      taken.append((record, segment.role))
      found += segment.count
    }
    numberShare = Double(found) / Double(max(all, 1))
    let names = Set(segments.map(\.name))
    unused = Set(
      reader.manifest.tensors.filter { [.parameter, .bn, .ema].contains($0.role) }.map(\.name)
    ).subtracting(names).sorted()
  }

  /// The smaller of the shares of tensors and of numbers.
  var share: Double { min(Double(taken.count) / Double(max(count, 1)), numberShare) }

  /// "36 of 297 tensors (2 % of the weights)"
  var counts: String {
    let percent = taken.count == count ? "" : " (\(Int(numberShare * 100)) % of the weights)"
    return "\(taken.count) of \(count) tensors\(percent)"
  }

  /// What was not taken, after a semicolon; empty where all was.
  var rest: String {
    func list(_ names: [String], _ what: String) -> String {
      guard !names.isEmpty else { return "" }
      let more = names.count > 8 ? ", …" : ""
      return "; \(names.count) \(what): " + names.prefix(8).joined(separator: ", ") + more
    }
    return list(missing, "are not in it") + list(unfit, "have another shape")
      + list(unused, "of its own are not used")
  }
}
