import Checkpoints
import Foundation
import MessagePassing
import Parallel
import Training

/// The checkpoint that a path names: a checkpoint's own folder, the newest whole one of a run, that of an
/// output folder of `calibrate`, or with `@best` behind a run's folder its best scored one.
///
/// - Throws: a sentence where there is none; `CheckpointError` where it is damaged.
///
/// - Parameter isVerifying: whether every byte of a run's checkpoints is read to find that one;
///   otherwise manifests and file lengths decide.
func openCheckpoint(_ path: String, isVerifying: Bool = true) throws -> CheckpointReader {
  func isThere(_ file: String) -> Bool { FileManager.default.fileExists(atPath: file) }
  let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  if !isThere(path), path.hasSuffix("@best"), isThere(String(path.dropLast(5))) {
    let run = String(path.dropLast(5))
    return try BestCheckpoint(run: run).reader(run: run)
  }
  guard isThere(path) else {
    throw FailureReport(
      message: "\(path): there is no such checkpoint; give a checkpoint's folder or a run's folder",
      exitCode: 74, rank: 0)
  }
  if isThere("\(path)/\(Manifest.fileName)") { return try CheckpointReader(path: path) }
  if !isThere("\(path)/checkpoints"), isThere("\(path)/calibrated/checkpoints") {
    return try openCheckpoint("\(path)/calibrated", isVerifying: isVerifying)
  }
  guard isThere("\(path)/checkpoints") else {
    throw FailureReport(
      message:
        "\(path) is neither a checkpoint (it holds no \(Manifest.fileName)) nor a run (it holds no folder checkpoints)",
      exitCode: 65, rank: 0)
  }
  let store = CheckpointStore(runFolder: path)
  if !isVerifying, let newest = try store.list().first(where: \.isComplete) {
    return try CheckpointReader(path: newest.path)
  }
  guard let newest = try store.newestVerified() else {
    throw CheckpointError.noCheckpoint(path: path, skipped: [])
  }
  for skipped in newest.skipped {
    complain("passed over \(skipped.path): \(skipped.reason)")
  }
  return newest.reader
}

/// The same, decided by rank 0, so that all ranks read the same one; what they read is compared.
///
/// *Collective.*
func openCheckpoint(_ path: String, communicator: Communicator) throws -> CheckpointReader {
  let found = try communicator.decidedOnRank0(exitCode: exitCode) { try openCheckpoint(path).path }
  try compareCheckpoint(found, communicator: communicator)
  return try communicator.together(exitCode: exitCode) { try CheckpointReader(path: found) }
}

/// The folder of the run that a checkpoint belongs to: `RUN/checkpoints/step-…` or
/// `RUN/calibrated/checkpoints/step-…`.
func runFolder(ofCheckpoint path: String) -> String {
  var folder = URL(fileURLWithPath: path).standardizedFileURL
    .deletingLastPathComponent().deletingLastPathComponent()
  if folder.lastPathComponent == "calibrated" { folder.deleteLastPathComponent() }
  return folder.path
}

extension DeployedModel {
  /// Puts `--set` values over the recipe, as far as they do not change the model.
  ///
  /// - Parameter sections: the beginnings of the keys that may be set.
  /// - Throws: `RecipeError`, or a sentence about a key that decides the weights.
  mutating func apply(
    overrides: [String], sections: [String] = ["data.", "evaluation.", "system."]
  ) throws {
    guard !overrides.isEmpty else { return }
    let changed = try Recipe(
      yaml: recipe.json, file: "the checkpoint's recipe", overrides: overrides)
    for difference in changed.differences(to: recipe)
    where !sections.contains(where: difference.key.hasPrefix) {
      throw FailureReport(
        message:
          "--set \(difference.key): the checkpoint's model cannot be changed any more; what can be set here begins with \(sections.joined(separator: ", "))",
        exitCode: 64, rank: 0)
    }
    recipe = changed
  }

  /// What to compute with where nothing was asked for: as deployed, if there are ranges.
  var usualArithmetic: Arithmetic { quantized == nil ? .float : .int8 }
}
