import Checkpoints
import Engine
import Graphs
import Tensors

extension RunState {
  /// Reads of a checkpoint the tensors that the run needs and nothing else, so that it cannot take more
  /// memory than the run itself.
  ///
  /// - Throws: `CheckpointError`, or the first tensor that does not fit the network.
  func readTensors(
    _ reader: CheckpointReader, phase: Phase, recipe: Recipe, graph: Graph
  ) throws -> [CheckpointTensor] {
    let needed = neededTensors(phase: phase, recipe: recipe, graph: graph)
    for record in reader.manifest.tensors {
      guard let form = needed["\(record.role) \(record.name)"] else { continue }
      guard record.shape == form.shape, record.dtype == form.dtype else {
        throw TrainingError.unusableCheckpoint(
          path: reader.path,
          reason:
            "\(record.role) tensor \(record.name) is \(record.dtype) \(record.shape), the network needs \(form.dtype) \(form.shape)"
        )
      }
    }
    return try reader.readTensors { needed["\($0.role) \($0.name)"] != nil }
  }

  /// What `restore` may take of a checkpoint, by role and name.
  private func neededTensors(
    phase: Phase, recipe: Recipe, graph: Graph
  ) -> [String: (shape: Shape, dtype: DType)] {
    var needed: [String: (shape: Shape, dtype: DType)] = [:]
    func add(_ segments: [ParameterLayout.Segment], _ roles: [TensorRole]) {
      for segment in segments {
        for role in roles { needed["\(role) \(segment.name)"] = (segment.shape, .float32) }
      }
    }
    let layout = store.layout
    let averages: [TensorRole] = recipe.ema.enabled ? [.ema] : []
    let moments = Array([TensorRole.momentum, .secondMoment].prefix(optimizer.memories.count))
    add(
      layout.trainable.filter { phase == .qat || !$0.role.isQuantizer },
      [.parameter] + moments + averages)  // bounded: joins
    add(layout.statistics, [.bn] + averages)  // bounded: joins
    guard phase == .qat else { return needed }
    for site in graph.sites { needed["\(TensorRole.observer) \(site.name)"] = ([3], .float32) }
    if recipe.distillation.isOn {
      // bounded: joins
      add((layout.trainable + layout.statistics).filter { !$0.role.isQuantizer }, [.teacher])
    }
    if recipe.oscillation.isOn {
      for source in OscillationState(graph, layout: layout).sources() {
        needed["\(source.role) \(source.name)"] = (source.shape, source.dtype)
      }
    }
    return needed
  }
}
