import Images

extension Dataset {
  /// Why a run cannot use these splits, all of it; empty if it can. `train` and `data check` both ask
  /// here, so that they never disagree. A split that could not be read at all is `nil`.
  public static func refusals(
    training: Dataset?, validation: Dataset?, source: DataSource
  ) -> [DataError] {
    var refusals: [DataError] = []
    if let training {
      if let error = training.emptyError(.train, source: source) {
        refusals.append(error)
      } else {
        refusals += training.labelErrors(source: source)
      }
    }
    if let validation {
      if let error = validation.emptyError(.validation, source: source) {
        refusals.append(error)
      } else if let error = validation.unlabelledError(.validation, source: source) {
        refusals.append(error)
      }
    }
    if let training, let validation, training.classNames != validation.classNames {
      refusals.append(
        .badConfiguration(
          path: source.root,
          reason: "the training split has the classes \(training.classNames), the validation split "
            + "\(validation.classNames); they must be the same, in the same order"))
    }
    return refusals
  }

  /// - Throws: the first of `refusals`.
  public static func requireUsable(
    training: Dataset, validation: Dataset, source: DataSource
  ) throws(DataError) {
    if let error = refusals(training: training, validation: validation, source: source).first {
      throw error
    }
  }

  /// That nothing is left, with the first reason.
  func emptyError(_ split: DataSource.Split, source: DataSource) -> DataError? {
    guard samples.isEmpty else { return nil }
    let left = skipped.filter { $0.kind == .skipped }
    let why = left.first.map { "; \(left.count) left out, first \($0.place): \($0.reason)" } ?? ""
    return .empty(
      path: source.root, reason: "the \(split.rawValue) split has no image that can be used\(why)")
  }

  private func labelErrors(source: DataSource) -> [DataError] {
    if let error = unlabelledError(.train, source: source) { return [error] }
    let count = report.withoutLabels
    if !source.allowsUnlabelled, count > 0, count * 2 >= samples.count {
      return [
        .badConfiguration(
          path: source.root,
          reason:
            "\(count) of the \(samples.count) images of the train split have no label file (e.g. "
            + "\(expectedLabel()))\(report.nearMissHint); move the labels there, or say that images without labels "
            + "are background: data.allowUnlabelled: true")
      ]
    }
    guard report.withBoxes == 0 && !samples.contains(where: { !$0.boxes.isEmpty }) else {
      return []
    }
    let why =
      report.allDropped > 0
      ? "all boxes of \(report.allDropped) were dropped"
      : "\(report.emptyLabels) have an empty label, \(report.withoutLabels) no label file"
    return [
      .empty(
        path: source.root,
        reason: "the train split has no box to train on: of its \(samples.count) images \(why)")
    ]
  }

  /// That no image has a label file.
  private func unlabelledError(
    _ split: DataSource.Split, source: DataSource
  ) -> DataError? {
    guard !source.allowsUnlabelled, report.withoutLabels > 0,
      report.withoutLabels == report.imageCount
    else { return nil }
    return .empty(
      path: source.root,
      reason: "no label files found for the \(split.rawValue) split (looked for e.g. "
        + "\(expectedLabel()))\(report.nearMissHint)")
  }

  /// A label file that is looked for and absent.
  private func expectedLabel() -> String {
    let sample = samples.first {
      FileSystem.kind(YOLOLabel.path(forPicture: $0.imagePath)) == .absent
    }
    return sample.map { YOLOLabel.path(forPicture: $0.imagePath) } ?? ""
  }
}
