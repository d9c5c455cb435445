import Checkpoints
import Engine
import Graphs
import Quantization
import Tensors

/// What a run keeps between checkpoints so that the next one costs the step a copy and nothing else.
struct RunSnapshots {
  fileprivate var memory = SnapshotMemory()
  fileprivate var graph: (value: Graph, json: JSONValue)?

  /// The graph's JSON form, made once for each graph.
  mutating func json(of graph: Graph) throws -> JSONValue {
    if let known = self.graph, known.value == graph { return known.json }
    let json = try JSONValue(encoding: graph)
    self.graph = (graph, json)
    return json
  }
}

extension RunState {
  /// A true copy of the part of the state that writer `index` of `count` saves, in memory that is used
  /// again for the next copy.
  func snapshot(recipe: Recipe, graph: Graph, index: Int, count: Int) -> (
    tensors: [CheckpointTensor], share: CheckpointShare
  ) {
    let sources = tensorSources(recipe: recipe)
    let observers = observerTensors(graph: graph) + teacherTensors()
    let sizes =
      sources.map { (name: $0.name, byteCount: $0.bytes.count) }
      + observers.map { (name: $0.name, byteCount: $0.tensor.byteCount) }
    let share = ShardPlan(sizes).share(index, of: count)
    let copied = share.tensors.clamped(to: 0..<sources.count)
    var tensors = snapshots.memory.copy(Array(sources[copied]))
    for place in share.tensors where place >= sources.count {
      tensors.append(observers[place - sources.count])
    }
    return (tensors, share)
  }

  /// Bytes and number of all tensors of a checkpoint, whoever writes them.
  func size(recipe: Recipe, graph: Graph) -> (byteCount: Int, tensorCount: Int) {
    let sources = tensorSources(recipe: recipe)
    let observers = observerTensors(graph: graph) + teacherTensors()
    return (
      sources.reduce(0) { $0 + $1.bytes.count }
        + observers.reduce(0) { $0 + $1.tensor.byteCount }, sources.count + observers.count
    )
  }

  /// The flat vectors by name: for each parameter itself, the optimizer's moments, its average.
  func tensorSources(recipe: Recipe) -> [SnapshotSource] {
    var sources: [SnapshotSource] = []
    func append(
      _ segments: [ParameterLayout.Segment],
      _ parts: [(role: TensorRole, base: UnsafeMutablePointer<Float>)]
    ) {
      for segment in segments {
        for part in parts {
          sources.append(
            SnapshotSource(
              name: segment.name, role: part.role, shape: segment.shape,
              bytes: UnsafeRawBufferPointer(
                start: part.base + segment.offset,
                count: segment.count * MemoryLayout<Float>.stride)))
        }
      }
    }
    let layout = store.layout
    let moments = zip([TensorRole.momentum, .secondMoment], optimizer.memories)
      .map { (role: $0, base: $1.values) }
    append(
      layout.trainable.filter { isStored($0) },
      [(.parameter, store.trainable)] + moments
        + (recipe.ema.enabled ? [(.ema, averageParameterValues)] : []))
    append(
      layout.statistics,
      [(.bn, store.statistics)] + (recipe.ema.enabled ? [(.ema, averageStatisticValues)] : []))
    return sources + (oscillation?.sources() ?? [])
  }

  /// In float, learned scales hold nothing yet, and the graph of a checkpoint does not name them.
  func isStored(_ segment: ParameterLayout.Segment) -> Bool {
    phase == .qat || !segment.role.isQuantizer
  }

  /// The teacher's weights, which no step changes.
  func teacherTensors() -> [CheckpointTensor] {
    (teacher ?? [:]).sorted { $0.key < $1.key }.map {
      CheckpointTensor(name: $0.key, role: .teacher, tensor: $0.value)
    }
  }

  /// Low, high and count of the range of every site that has one.
  func observerTensors(graph: Graph) -> [CheckpointTensor] {
    zip(graph.sites, ranges).filter { !$1.isEmpty }.map { site, range in
      CheckpointTensor(name: site.name, role: .observer, tensor: range.tensor)
    }
  }
}
