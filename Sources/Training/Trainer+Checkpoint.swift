import Checkpoints
import Datasets
import Detection
import Engine
import Graphs
import MessagePassing
import Models
import Parallel
import Quantization
import Tensors

extension Trainer {
  /// Hands a copy of the state to the writer of rank 0; the ranks' bits are compared first.
  func save() throws(FailureReport) {
    try checkAgreement()
    Activity.saving.begin(step: state.step)
    try communicator.together(exitCode: exitCode) {
      guard communicator.rank == 0 else { return }
      try writer.submit(
        try state.contents(
          recipe: recipe, graph: state.phase == .float ? floatGraph : quantizedGraph,
          worldSize: communicator.size, libraries: libraries))
    }
  }

  /// Waits until what was handed over is on disk.
  func finishWriting() throws(FailureReport) {
    Activity.saving.begin(step: state.step)
    try communicator.together(exitCode: exitCode) {
      guard communicator.rank == 0 else { return }
      _ = try writer.finish()
    }
  }
}
