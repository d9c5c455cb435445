import ArgumentParser
import Checkpoints
import Foundation
import MessagePassing
import Parallel
import Training

/// What a run begins with.
struct TrainStart {
  var recipe: Recipe
  var folder: String
  var resume: Resume
}

extension Train {
  /// Finds the recipe, the run's folder and the checkpoint to go on from.
  ///
  /// Where no recipe is named it is that of the checkpoint, with `--set` over it. Rank 0 looks at
  /// checkpoints, so that all ranks go on from the same one.
  ///
  /// *Collective.*
  /// - Throws: a sentence with exit code 64 where too little is named, and what reading throws.
  func start(_ communicator: Communicator) throws -> TrainStart {
    if recipe == nil {
      guard let resume else {
        throw Self.usage("train needs a recipe (a YAML file), or a run to go on with: --resume RUN")
      }
      if resume == "auto", runFolder == nil {
        throw Self.usage(
          "without a recipe, --resume auto needs the run's folder: --run RUN, or say --resume RUN")
      }
    }
    let source: (run: String?, checkpoint: String)? =
      switch resume {
      case nil: nil
      // The trainer looks for itself, and begins where there is none.
      case "auto" where recipe != nil: nil
      case "auto": try namedCheckpoint(runFolder!, communicator)
      case .some(let path): try namedCheckpoint(path, communicator)
      }
    let recipe = try recipe(from: source?.checkpoint, communicator)
    let folder = runFolder ?? source?.run ?? "runs/\(recipe.name)"
    let choice: Resume =
      switch (resume, source) {
      case (nil, _): .none
      case ("auto", _), (_, nil): .auto
      // The same again, but with the lock of the run.
      case (_, let source?) where source.run.map { Self.isSame($0, folder) } ?? false: .auto
      case (_, let source?): .path(source.checkpoint)
      }
    return TrainStart(recipe: recipe, folder: folder, resume: choice)
  }

  /// What the options say may change.
  var allowances: ResumeAllowances {
    var allowances: ResumeAllowances = []
    if allowChangedData { allowances.insert(.changedData) }
    if partialWeights { allowances.insert(.partialWeights) }
    return allowances
  }

  /// Compares what ranks were started with and on, before anything that depends on it.
  ///
  /// *Collective.* *Throws* the same `MixedRanks`, or `MPIError`, on every rank.
  func compareStart(_ communicator: Communicator) throws {
    func flag(_ isGiven: Bool) -> String { isGiven ? "given" : "not given" }
    try compare(
      [
        ("the recipe's file", flag(recipe != nil)), ("--run", runFolder ?? "not given"),
        ("--resume", resume ?? "not given"), ("--warm-start", warmStart ?? "not given"),
        ("--allow-changed-data", flag(allowChangedData)),
        ("--partial-weights", flag(partialWeights)), ("--allow-mixed", flag(allowMixed)),
      ], of: .arguments, communicator: communicator)
    if !allowMixed { try compare(ownFacts(), communicator: communicator) }
  }

  /// The recipe of the file, or of the checkpoint.
  private func recipe(from checkpoint: String?, _ communicator: Communicator) throws -> Recipe {
    let overrides =
      overrides + (skipBad ? ["data.skipBad=true"] : [])
      + (verifyAfterWrite ? ["checkpoint.verifyAfterWrite=true"] : [])
    if let file = recipe {
      return try communicator.togetherOrNamed("read the recipe", exitCode: Training.exitCode) {
        try Recipe(contentsOf: file, overrides: overrides)
      }
    }
    let path = checkpoint ?? ""
    let text = try communicator.decidedOnRank0(exitCode: Training.exitCode) {
      try CheckpointReader(path: path).manifest.recipe.lineText
    }
    return try communicator.together(exitCode: Training.exitCode) {
      try Recipe(yaml: text, file: "the recipe in \(path)", overrides: overrides)
    }
  }

  /// The checkpoint that a path names, and the run's folder where it is one.
  ///
  /// *Collective.*
  private func namedCheckpoint(_ path: String, _ communicator: Communicator) throws -> (
    run: String?, checkpoint: String
  ) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    func isThere(_ file: String) -> Bool { FileManager.default.fileExists(atPath: file) }
    // "run" or "checkpoint", a line end, and the checkpoint's path.
    let found = try communicator.decidedOnRank0(exitCode: Training.exitCode) {
      () throws -> String in
      if !isThere("\(path)/\(Manifest.fileName)"), isThere("\(path)/checkpoints") {
        guard let newest = try CheckpointStore(runFolder: path).newestVerified(
          isUsable: RunCounters.problem)
        else {
          throw CheckpointError.noCheckpoint(path: path, skipped: [])
        }
        return "run\n" + newest.reader.path
      }
      return "checkpoint\n" + (try openCheckpoint(path).path)
    }
    let end = found.firstIndex(of: "\n")!  // Both texts above have one.
    let isRun = found[..<end] == "run"
    return (isRun ? path : nil, String(found[found.index(after: end)...]))
  }

  private static func isSame(_ a: String, _ b: String) -> Bool {
    func whole(_ path: String) -> String {
      URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath().path
    }
    return whole(a) == whole(b)
  }

  private static func usage(_ sentence: String) -> FailureReport {
    FailureReport(message: sentence, exitCode: 64, rank: 0)
  }
}
