import Checkpoints
import Foundation
import Parallel
import Training

/// Where `calibrate` takes float weights from: the checkpoint that was named, or where its weights were
/// trained for their ranges, the float weights that its run calibrated.
struct FloatSource {
  let reader: CheckpointReader
  /// What was taken instead of what was named; `nil` where it is the same.
  let note: String?

  init(named path: String) throws {
    let named = try openCheckpoint(path)
    guard phase(of: named.manifest) == .qat else {
      (reader, note) = (named, nil)
      return
    }
    let run = runFolder(ofCheckpoint: named.path)
    let floats = try CheckpointStore(runFolder: run).list().filter {
      $0.isComplete && $0.summary?.phase == Phase.float.rawValue && $0.step <= named.manifest.step
    }
    let calibrated = try CheckpointStore(runFolder: "\(run)/calibrated").newestVerified()?.reader
    var choices: [() throws -> CheckpointReader] = []
    // Calibration does not count as a step, so that its float weights are those of the same step.
    if let calibrated, let same = floats.first(where: { $0.step == calibrated.manifest.step }) {
      choices.append { try CheckpointReader(path: same.path) }
    }
    if let calibrated,
      try Recipe(json: calibrated.manifest.recipe.lineText)
        .calibrationKeepsFloatWeights
    {
      choices.append { calibrated }
    }
    choices += floats.map { entry in { try CheckpointReader(path: entry.path) } }
    for choice in choices {
      let reader = try choice()
      guard verify(path: reader.path).isWhole else { continue }
      self.reader = reader
      note =
        URL(fileURLWithPath: reader.path).standardizedFileURL
          == URL(fileURLWithPath: named.path).standardizedFileURL
        ? nil
        : "\(named.path) is from after calibration; its float weights are taken from \(reader.path), step \(reader.manifest.step)"
      return
    }
    throw FailureReport(
      message:
        "\(named.path) is from after calibration, and the float weights it began with are not there any more (no checkpoint of the float phase in \(run)/checkpoints, none in \(run)/calibrated whose weights calibration left as they were); give a checkpoint of the float phase",
      exitCode: 65, rank: 0)
  }
}
