import Checkpoints
import Compression
import Engine
import Graphs
import Quantization
import Tensors

extension RunState {
  /// A true copy of the state, ready to be written while training goes on.
  func contents(recipe: Recipe, graph: Graph, worldSize: Int, libraries: [String: String]) throws
    -> CheckpointContents
  {
    let snapshot = snapshot(recipe: recipe, graph: graph, index: 0, count: 1)
    return try contents(
      snapshot.tensors, recipe: recipe, graph: graph, worldSize: worldSize, libraries: libraries)
  }

  /// What a checkpoint says beside its tensors, with those of one share of it.
  func contents(
    _ tensors: [CheckpointTensor], recipe: Recipe, graph: Graph, worldSize: Int,
    libraries: [String: String]
  ) throws -> CheckpointContents {
    var counters: [String: JSONValue] = [
      "phase": .string(phase.rawValue), "ema_updates": .integer(average.updates),
      "optimizer_steps": .integer(optimizer.stepCount), "skipped_steps": .integer(skippedSteps),
      "skipped_in_a_row": .integer(skippedInARow),
      "loss_sums": .array((0..<4).map { .number(lossSums[$0]) }),
      "loss_steps": .integer(lossSteps), "scores": scores.json,
    ]
    counters["data"] = data
    return CheckpointContents(
      step: step, epoch: epoch, position: position,
      recipe: try JSONValue(parsing: Array(recipe.json.utf8)),
      graph: try snapshots.json(of: graph),
      metrics: metrics, state: .object(counters), libraries: libraries,
      writer: WriterNote(worldSize: worldSize), tensors: tensors)
  }

  /// Takes over everything that `contents` holds.
  ///
  /// - Throws: what is missing or does not fit, as a sentence.
  func restore(
    _ contents: CheckpointContents, counters: RunCounters, recipe: Recipe, graph: Graph,
    path: String
  ) throws(TrainingError) {
    var byKey: [String: Tensor] = [:]
    for entry in contents.tensors {
      byKey["\(entry.role) \(entry.name)"] = entry.tensor
    }
    func load(
      _ segments: [ParameterLayout.Segment], _ base: UnsafeMutablePointer<Float>, _ role: TensorRole
    ) throws(TrainingError) {
      for segment in segments {
        guard let tensor = byKey["\(role) \(segment.name)"] else {
          throw .unusableCheckpoint(
            path: path, reason: "it has no \(role) tensor \(segment.name)")
        }
        guard tensor.shape == segment.shape, tensor.dtype == .float32 else {
          throw .unusableCheckpoint(
            path: path,
            reason:
              "\(role) tensor \(segment.name) is \(tensor.dtype) \(tensor.shape), the network needs float32 \(segment.shape)"
          )
        }
        if [.parameter, .bn, .ema].contains(role), let problem = segment.role.problem(in: tensor) {
          throw .unusableCheckpoint(
            path: path, reason: "\(role) tensor \(segment.name) \(problem)")
        }
        tensor.withElements(as: Float.self) { values in
          guard let source = values.baseAddress else { return }
          (base + segment.offset).update(from: source, count: segment.count)
        }
      }
    }
    phase = counters.phase
    let layout = store.layout
    let trainable = layout.trainable.filter { isStored($0) }
    try load(trainable, store.trainable, .parameter)
    try load(layout.statistics, store.statistics, .bn)
    for (memory, role) in zip(optimizer.memories, [TensorRole.momentum, .secondMoment]) {
      try load(trainable, memory.values, role)
    }
    if recipe.ema.enabled {
      try load(trainable, averageParameterValues, .ema)
      try load(layout.statistics, averageStatisticValues, .ema)
    }
    for (index, site) in graph.sites.enumerated() {
      guard let tensor = byKey["\(TensorRole.observer) \(site.name)"] else { continue }
      ranges[index] = try MovingRange(tensor, site: site.name, path: path)
    }
    if recipe.distillation.isOn && phase == .qat {
      var weights = NamedWeights()
      for segment in layout.trainable + layout.statistics where !segment.role.isQuantizer {
        guard let tensor = byKey["\(TensorRole.teacher) \(segment.name)"],
          tensor.shape == segment.shape, tensor.dtype == .float32
        else {
          throw .unusableCheckpoint(
            path: path, reason: "it has no \(TensorRole.teacher) tensor \(segment.name)")
        }
        weights[segment.name] = tensor
      }
      teacher = weights
    }
    if recipe.oscillation.isOn && phase == .qat {
      oscillation = OscillationState(graph, layout: layout)
      try oscillation!.restore(path: path) { byKey["\(TensorRole.oscillation) \($0)"] }
    }
    average.updates = counters.averageUpdates
    optimizer.stepCount = counters.optimizerSteps
    (skippedSteps, skippedInARow) = (counters.skippedSteps, counters.skippedInARow)
    (lossSums, lossSteps) = (counters.lossSums, counters.lossSteps)
    (step, epoch, position) = (counters.step, counters.epoch, counters.position)
    try restoreScores(contents, path: path)
  }

  /// A hash of every bit that must be the same on all ranks.
  func hash() -> UInt64 {
    var hashes: [UInt64] = []
    func append(_ base: UnsafeMutablePointer<Float>, _ count: Int) {
      hashes.append(xxh64(UnsafeRawBufferPointer(start: base, count: count * 4)))
    }
    append(store.trainable, store.layout.trainableCount)
    append(store.statistics, store.layout.statisticsCount)
    append(averageParameterValues, store.layout.trainableCount)
    append(averageStatisticValues, store.layout.statisticsCount)
    for memory in optimizer.memories { append(memory.values, optimizer.count) }
    for range in ranges {
      hashes.append(UInt64(range.low.bitPattern) << 32 | UInt64(range.high.bitPattern))
    }
    for source in oscillation?.sources() ?? [] { hashes.append(xxh64(source.bytes)) }
    for tensor in teacherTensors() { hashes.append(tensor.tensor.withBytes { xxh64($0) }) }
    return hashes.withUnsafeBytes { xxh64($0) }
  }
}
