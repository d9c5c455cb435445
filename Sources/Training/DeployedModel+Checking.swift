import Checkpoints
import Graphs
import Quantization
import Tensors

extension DeployedModel {
  /// Holds a checkpoint's graph against the network of its recipe, which bounds what it may ask for: the
  /// same parameters but for those of quantizers, the same input, and no more than four times the
  /// numbers between its nodes, for which grids and split activations are the reason.
  static func check(_ graph: Graph, against network: Graph, path: String) throws(TrainingError) {
    func refused(_ reason: String) -> TrainingError {
      .unusableCheckpoint(path: path, reason: "its graph is not that of its recipe: " + reason)
    }
    let own = graph.parameters.filter { !$0.role.isQuantizer }
    guard own.count == network.parameters.count else {
      throw refused(
        "it has \(own.count) parameters, the recipe's network \(network.parameters.count)")
    }
    let needed = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0) })  // bounded: names of our own network
    // bounded: a dictionary
    for parameter in own where needed[parameter.name] != parameter {
      throw refused(
        "it has a parameter \(parameter.name) \(parameter.shape), the recipe's network "
          // bounded: a dictionary
          + (needed[parameter.name].map { "one of \($0.shape)" } ?? "none of that name"))
    }
    func inputs(_ graph: Graph) -> [Shape] { graph.inputs.map { graph.values[$0].shape } }  // bounded: validated
    guard inputs(graph) == inputs(network) else {
      throw refused(
        "it reads \(inputs(graph).map(\.description)), the recipe's network \(inputs(network).map(\.description))"
      )
    }
    guard forms(graph) == forms(network) else {
      throw refused("its head reads other levels, bins or classes")
    }
    let (found, limit) = (graph.valueElementCount, network.valueElementCount)
    guard found / 4 <= limit else {
      throw refused(
        "it has \(found) numbers between its nodes for an image, the recipe's network \(limit); the limit is four times as many"
      )
    }
  }
}

/// What the head reads, level by level: stride, and the shapes of boxes and classes.
private func forms(_ graph: Graph) -> [[Int]] {
  guard let head = graph.head else { return [] }
  return [[head.bins, head.classNames.count]]
    + head.levels.map { level in
      [level.stride] + graph.values[level.boxes].shape.extents  // bounded: validated
        + graph.values[level.classes].shape.extents  // bounded: validated
    }
}

extension CheckpointReader {
  /// The tensors of a graph's parameters, read only where they have their shape, and only if one can
  /// compute with them.
  func weights(of graph: Graph, areAverages: Bool) throws -> NamedWeights {
    var weights = NamedWeights()
    for parameter in graph.parameters {
      let own: TensorRole = parameter.role.isTrainable ? .parameter : .bn
      let role = areAverages ? .ema : own
      guard let record = record(parameter.name, role: role) else {
        throw CheckpointError.noTensor(path: path, name: parameter.name, role: role.rawValue)
      }
      guard record.shape == parameter.shape, record.dtype == .float32 else {
        throw TrainingError.unusableCheckpoint(
          path: path,
          reason:
            "\(role) tensor \(record.name) is \(record.dtype) \(record.shape), the network needs float32 \(parameter.shape)"
        )
      }
      let tensor = try read(record)
      if let problem = parameter.role.problem(in: tensor) {
        throw TrainingError.unusableCheckpoint(
          path: path, reason: "\(role) tensor \(record.name) \(problem)")
      }
      weights[parameter.name] = tensor  // bounded: a dictionary
    }
    return weights
  }

  /// The observed range of a site.
  func range(ofSite name: String) throws -> MovingRange {
    guard let record = record(name, role: .observer) else {
      throw CheckpointError.noTensor(path: path, name: name, role: TensorRole.observer.rawValue)
    }
    guard record.shape == [3] else {
      throw TrainingError.unusableCheckpoint(
        path: path,
        reason:
          "the range of site \(name) is \(record.dtype) \(record.shape), expected float32 [3]: low, high, batch count"
      )
    }
    return try MovingRange(try read(record), site: name, path: path)
  }
}

extension Parameter.Role {
  /// The largest magnitude of a weight: products of a few such numbers are still numbers in FP32.
  static let largestMagnitude: Float = 1e9

  /// Why one cannot compute with a parameter's FP32 numbers, in the words that follow its name; `nil` where
  /// one can.
  func problem(in tensor: Tensor) -> String? {
    tensor.withElements(as: Float.self) { values in
      var (strange, large, negative) = (0, 0, 0)
      for value in values {
        if !value.isFinite { strange += 1 }
        if abs(value) > Self.largestMagnitude { large += 1 }
        if value < 0 { negative += 1 }
      }
      if strange > 0 {
        return
          "is not finite in \(strange) of \(values.count) numbers; the run has diverged, take an earlier checkpoint"
      }
      if large > 0 {
        return
          "exceeds \(Self.largestMagnitude) in \(large) of \(values.count) numbers; the run has diverged, take an earlier checkpoint"
      }
      if self == .runningVariance, negative > 0 {
        return "is negative in \(negative) of \(values.count) variances"
      }
      return nil
    }
  }
}
