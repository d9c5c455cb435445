import Checkpoints
public import Datasets
import Engine
import Graphs
public import MessagePassing
import Models
public import Parallel
import Quantization

/// A run: float training, calibration, quantization-aware training, with checkpoints all along.
///
/// Every rank makes one with the same arguments and calls `run`. All decisions follow from reduced
/// numbers, so all ranks take the same ones.
///
/// *Collective.*
public final class Trainer {
  let recipe: Recipe
  let communicator: Communicator
  let reporter: any TrainingReporter
  let runFolder: String
  let floatGraph, quantizedGraph: Graph
  let state: RunState
  let training: PictureCache
  let validation: PictureCache
  let classNames: [String]
  let globalStep: GlobalStep
  let writer: BackgroundCheckpointWriter
  let libraries: [String: String]
  let stepsPerEpoch: Int
  let data: TrainingData
  let allowances: ResumeAllowances

  var shardStep: ShardStep?
  /// Whether the run has said that there is nothing to score.
  var hasNotedEmptyValidation = false
  /// Rank 0's, that nobody else writes to the run's folder.
  var lock: RunLock?

  var siteCount: Int { quantizedGraph.sites.count }

  /// - Parameters:
  ///   - runFolder: where checkpoints go.
  ///   - resume: which checkpoint to go on from.
  ///   - warmStart: a checkpoint whose weights a new run begins with, as far as they fit by name.
  ///   - allowances: what may be otherwise than in the checkpoint gone on from.
  /// - Throws: `FailureReport`, the same on every rank.
  public init(
    recipe: Recipe, data: TrainingData, runFolder: String, resume: Resume,
    warmStart: String? = nil, allowances: ResumeAllowances = [], libraries: [String: String],
    communicator: Communicator, reporter: any TrainingReporter
  ) throws(FailureReport) {
    self.recipe = recipe
    self.communicator = communicator
    self.reporter = reporter
    self.runFolder = runFolder
    self.libraries = libraries
    self.data = data
    self.allowances = allowances
    classNames = data.classNames
    floatGraph = recipe.floatGraph(classNames: data.classNames)
    quantizedGraph = try communicator.together(exitCode: exitCode) {
      [floatGraph] () throws(TrainingError) in
      let graph = try recipe.quantizedGraph(floatGraph)
      // Finds out now what would end the run after its float phase.
      _ = try Teacher.features(recipe, float: floatGraph, student: graph)
      return graph
    }
    let budget = PictureBudget(byteCount: recipe.system.cacheMiB << 20)
    training = PictureCache(
      samples: data.training.samples, size: recipe.model.inputSize, budget: budget)
    validation = PictureCache(
      samples: data.validation.samples, size: recipe.model.inputSize, budget: budget)
    stepsPerEpoch = EpochOrder.stepCount(
      sampleCount: data.training.samples.count, globalBatch: recipe.batch.size)
    state = RunState(recipe: recipe, graph: quantizedGraph)
    state.data = data.json
    globalStep = try GlobalStep(
      recipe: recipe, state: state, graph: floatGraph, siteCount: quantizedGraph.sites.count,
      communicator: communicator)
    let attempt = try communicator.decidedOnRank0 {
      String(UInt64.random(in: .min ... .max), radix: 16)
    }
    writer = BackgroundCheckpointWriter(
      recipe.checkpoint.writer(runFolder: runFolder, attempt: attempt))
    try start(resume, warmStart)
  }

  /// Fresh weights, or those of a checkpoint.
  private func start(_ resume: Resume, _ warmStart: String?) throws(FailureReport) {
    let store = CheckpointStore(runFolder: runFolder)
    // Rank 0 looks, so that all ranks go on from the same one.
    let path = try communicator.decidedOnRank0(exitCode: exitCode) { () throws -> String in
      lock = try RunLock(runFolder: runFolder)
      try store.removeLeftovers()
      switch resume {
      case .none:
        if try !store.list().isEmpty { throw TrainingError.runExists(folder: runFolder) }
        return ""
      case .auto:
        guard let newest = try store.newestVerified(isUsable: RunCounters.problem) else { return "" }
        for skipped in newest.skipped {
          reporter.note("passed over \(skipped.path): \(skipped.reason)")
        }
        return newest.reader.path
      case .path(let path), .floatWeights(let path):
        return path
      }
    }
    if path.isEmpty {
      state.store.load(floatGraph.initialWeights(seed: recipe.seed))
      if let warmStart { try takeWeights(from: warmStart) }
      try compareTeacher()
      state.startAverages(recipe.ema)
      if recipe.schedule.floatEpochs == 0, warmStart == nil {
        throw FailureReport(
          message:
            "`schedule.floatEpochs` is 0, so the run needs trained weights to quantize: give --warm-start PATH or --resume PATH",
          exitCode: 64, rank: 0)
      }
      // A first checkpoint finds out now whether the disk takes them.
      try save()
      try finishWriting()
    } else {
      try communicator.reporting { try compareCheckpoint(path, communicator: communicator) }
      let isFloat = if case .floatWeights = resume { true } else { false }
      try communicator.together(exitCode: exitCode) { try restore(path, asFloat: isFloat) }
      if communicator.size > 1 { try checkAgreement() }
      try compareTeacher()
      if !isFloat {
        reporter.note("resumed \(path): epoch \(state.epoch + 1), step \(state.step)")
      }
    }
  }

  private func restore(_ path: String, asFloat: Bool) throws {
    let reader = try CheckpointReader(path: path)
    var contents = try reader.readAll { _ in false }
    let changes = try checkData(contents, path: path)
    if asFloat { contents = try floatPart(of: contents, path: path) }
    try checkFit(contents, path: path)
    var counters = try RunCounters(reader.manifest, recipe: recipe, path: path)
    if asFloat { counters.phase = .float }
    contents.tensors = try state.readTensors(
      reader, phase: counters.phase, recipe: recipe, graph: quantizedGraph)
    try state.restore(
      contents, counters: counters, recipe: recipe, graph: quantizedGraph, path: path)
    adopt(changes)
    if !asFloat { try checkProgress(path: path) }
    compareCompute(contents)
  }

  /// Goes through the schedule to its end, or until a signal asks to stop.
  ///
  /// - Throws: `FailureReport`, the same on every rank; the newest checkpoint is whole.
  public func run() throws(FailureReport) -> TrainingOutcome {
    while state.epoch < recipe.schedule.epochs {
      if state.phase == .float && state.epoch >= recipe.schedule.floatEpochs { try calibrate() }
      if try runEpoch() == .stop {
        try save()
        try finishWriting()
        return .stopped(signal: StopSignals.requestedBy)
      }
    }
    if state.phase == .float { try calibrate() }
    try finishWriting()
    reporter.runFinished(state.scores)
    return .finished
  }
}

/// Which checkpoint a run goes on from.
public enum Resume: Hashable, Sendable {
  case none
  /// The newest whole one in the run folder; a new run where there is none.
  case auto
  case path(String)
  /// The weights of a checkpoint, taken as those of the end of a float phase: for another calibration.
  case floatWeights(String)
}

/// The two splits a run needs.
public struct TrainingData: Sendable {
  public var classNames: [String]
  public var training: Dataset
  public var validation: Dataset

  /// What of each split decides the bits of a run.
  public let trainingFacts, validationFacts: DatasetFacts

  /// - Throws: `DataError` for an image whose bytes cannot be read.
  public init(training: Dataset, validation: Dataset) throws(DataError) {
    classNames = training.classNames
    self.training = training
    self.validation = validation
    trainingFacts = try training.facts()
    validationFacts = try validation.facts()
  }
}

extension Trainer {
  /// Whole epochs and steps behind the run.
  public var epochsDone: Int { state.epoch }
  public var stepsDone: Int { state.step }
}
