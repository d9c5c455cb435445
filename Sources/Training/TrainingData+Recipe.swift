public import Datasets
import Foundation
public import MessagePassing
public import Parallel

extension Recipe {
  /// Reads both splits that the recipe names; draws synthetic scenes first where they are asked for.
  ///
  /// Recipes and data of all ranks are compared: none goes on where they differ.
  ///
  /// Synthetic scenes lie in `data` of the run folder, or in `data.root` where that is given; rank 0
  /// draws them.
  ///
  /// *Collective.*
  /// - Throws: the same report on every rank.
  public func loadData(runFolder: String, communicator: Communicator) throws(FailureReport)
    -> TrainingData
  {
    try communicator.reporting { try compareOverRanks(communicator) }
    let source = try drawnSource(runFolder: runFolder, communicator: communicator) { _ in true }
    return try readAlike(communicator) { () throws(DataError) in
      let read = try TrainingData(
        training: try source.read(.train, skipBad: data.skipBad),
        validation: try validation(of: source))
      try Dataset.requireUsable(
        training: read.training, validation: read.validation, source: source)
      return read
    } facts: {
      [("training", $0.trainingFacts), ("validation", $0.validationFacts)]
    }
  }

  /// Reads the validation split alone, for an evaluation; ranks are compared as in `loadData`.
  ///
  /// Synthetic scenes are drawn by rank 0 where there are none yet; what is there is taken as it is.
  ///
  /// *Collective.*
  /// - Throws: the same report on every rank.
  public func loadValidation(runFolder: String, communicator: Communicator) throws(FailureReport)
    -> Dataset
  {
    try communicator.reporting { try compareOverRanks(communicator) }
    let source = try drawnSource(runFolder: runFolder, communicator: communicator) { folder in
      !FileManager.default.fileExists(atPath: "\(folder)/data.yaml")
    }
    let read = try readAlike(communicator) {
      () throws(DataError) -> (data: Dataset, facts: DatasetFacts?) in
      let data = try validation(of: source)
      if let error = Dataset.refusals(training: nil, validation: data, source: source).first {
        throw error
      }
      // Alone there is nobody to compare with.
      return (data, communicator.size > 1 ? try data.facts() : nil)
    } facts: {
      $0.facts.map { [("validation", $0)] } ?? []
    }
    return read.data
  }

  /// Where the recipe's data lies for a run; synthetic scenes are drawn by rank 0 if `mustDraw` says
  /// so of their folder.
  ///
  /// *Collective.*
  private func drawnSource(
    runFolder: String, communicator: Communicator, mustDraw: (_ folder: String) -> Bool
  ) throws(FailureReport) -> DataSource {
    var source = dataSource
    guard data.format == .synthetic else { return source }
    if source.root.isEmpty { source.root = "\(runFolder)/data" }
    let folder = source.root
    try communicator.together(exitCode: exitCode) {
      if communicator.rank == 0, mustDraw(folder) { try drawScenes(into: folder) }
    }
    return source
  }

  private func validation(of source: DataSource) throws(DataError) -> Dataset {
    var source = source
    if !data.validationImageFolder.isEmpty { source.images = data.validationImageFolder }
    return try source.read(.validation, skipBad: data.skipBad)
  }

  /// Where the recipe's data lies.
  public var dataSource: DataSource {
    func given(_ text: String) -> String? { text.isEmpty ? nil : text }
    return DataSource(
      format: data.format.source, root: data.root, train: given(data.train),
      validation: given(data.validation), images: given(data.imageFolder),
      validationEvery: data.validationEvery, allowsUnlabelled: data.allowUnlabelled)
  }
}

extension TrainingData {
  /// What was read of both splits, in a few lines for the beginning of a run.
  public var readingLines: [String] {
    [("train", training), ("validation", validation)].flatMap { name, data in
      data.report.lines.map { "\(name): \($0)" }
    }
  }
}

extension Recipe.Data.Format {
  var source: DataSource.Format {
    switch self {
    case .yolo: .yolo
    case .coco: .coco
    case .pennFudan: .pennFudan
    case .synthetic: .synthetic
    }
  }
}

extension Recipe {
  /// Draws the recipe's scenes, or finds them drawn.
  private func drawScenes(into folder: String) throws {
    let scenes = data.synthetic
    _ = try SyntheticDataset.write(
      kind: scenes.scene == .parkingLot ? .parkingLot : .pedestrians, images: scenes.images,
      validationImages: scenes.validationImages, seed: scenes.seed, to: folder)
  }
}
