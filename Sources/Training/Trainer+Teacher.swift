import Checkpoints
import Engine
import Graphs
import MessagePassing
import Parallel
import Tensors

extension Trainer {
  /// Compares what every rank would read as `distillation.teacher`, before the first step.
  ///
  /// *Collective.*
  func compareTeacher() throws(FailureReport) {
    // In QAT the checkpoint holds the teacher.
    guard recipe.distillation.isOn, state.phase == .float, !recipe.distillation.teacher.isEmpty
    else { return }
    try communicator.reporting {
      try compareCheckpoint(recipe.distillation.teacher, communicator: communicator)
    }
  }

  /// The weights that teach in QAT: the run's own in float as they are now, or those of the checkpoint
  /// that `distillation.teacher` names.
  ///
  /// They go into every checkpoint, so that a resumed run has the same teacher whatever became of that
  /// file.
  func teacherWeights() throws -> NamedWeights {
    let path = recipe.distillation.teacher
    guard !path.isEmpty else {
      return state.store.weights().filter { name, _ in
        floatGraph.parameters.contains { $0.name == name }
      }
    }
    let reader = try CheckpointReader(path: path)
    var weights = NamedWeights()
    for parameter in floatGraph.parameters {
      let own: TensorRole = parameter.role.isTrainable ? .parameter : .bn
      guard
        let record = reader.record(parameter.name, role: .ema)
          ?? reader.record(parameter.name, role: own),
        record.shape == parameter.shape, record.dtype == .float32
      else {
        throw TrainingError.unusableCheckpoint(
          path: path,
          reason:
            "as `distillation.teacher` it needs a tensor \(parameter.name) of \(parameter.shape)")
      }
      weights[parameter.name] = try reader.read(record)
    }
    return weights
  }
}
