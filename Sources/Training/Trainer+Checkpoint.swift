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
  /// Hands a copy of the state to the writers, which work on behind the training; the ranks' bits are
  /// compared first. Each rank copies and writes its share of the files.
  ///
  /// If the checkpoint before is still being written, this one waits for it, or is left out where the
  /// recipe and the caller allow that.
  ///
  /// *Collective.* All messages pass here, on the training thread; the writers pass none.
  func save(mayBeLeftOut: Bool = false) throws(FailureReport) {
    if mayBeLeftOut, recipe.checkpoint.whenBusy == .skip, try isWriting() {
      reporter.note("step \(state.step): no checkpoint, for the one before is still being written")
      return
    }
    // Alone there is nobody to agree with.
    if communicator.size > 1 { try checkAgreement() }
    Activity.saving.begin(step: state.step)
    let graph = state.phase == .float ? floatGraph : quantizedGraph
    try communicator.together(exitCode: exitCode) {
      let begin = ContinuousClock.now
      let isBusy = writer.isBusy
      try writer.wait()
      if isBusy {
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        reporter.note(
          "step \(state.step): waited \(rounded(seconds)) s for the checkpoint before")
      }
      guard communicator.rank == 0 else { return }
      let size = state.size(recipe: recipe, graph: graph)
      try writer.writer.prepare(
        step: state.step, tensorCount: size.tensorCount, rawByteCount: size.byteCount)
    }
    try communicator.together(exitCode: exitCode) {
      let snapshot = state.snapshot(
        recipe: recipe, graph: graph, index: communicator.rank, count: communicator.size)
      try writer.submit(
        try state.contents(
          snapshot.tensors, recipe: recipe, graph: graph, worldSize: communicator.size,
          libraries: libraries), share: snapshot.share)
    }
  }

  /// Whether any rank still writes.
  private func isWriting() throws(FailureReport) -> Bool {
    var isBusy: Int32 = writer.isBusy ? 1 : 0
    do { try communicator.allReduce(&isBusy, count: 1, .maximum) } catch {
      throw FailureReport(message: error.description, exitCode: 1, rank: communicator.rank)
    }
    return isBusy > 0
  }

  /// Waits until what was handed over is on disk.
  func finishWriting() throws(FailureReport) {
    Activity.saving.begin(step: state.step)
    try communicator.together(exitCode: exitCode) { _ = try writer.finish() }
  }
}
