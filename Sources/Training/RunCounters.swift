public import Checkpoints

/// The numbers that say how far a run is, as its checkpoint's manifest holds them, checked: they are
/// those that a run of the recipe can have reached.
public struct RunCounters: Hashable, Sendable {
  public var phase: Phase
  public let step: Int
  public let epoch: Int
  public let position: Int
  /// Updates of the averages.
  public let averageUpdates: Int
  public let optimizerSteps: Int
  public let skippedSteps: Int
  public let skippedInARow: Int
  /// Sums over the steps of the epoch.
  public let lossSums: SIMD4<Double>
  /// How many steps those are; the skipped ones do not count.
  public let lossSteps: Int

  /// Why a manifest cannot be a run's; `nil` where it can, or where its recipe cannot be read: then
  /// whoever needs the recipe has the sentence.
  public static func problem(in manifest: Manifest) -> String? {
    guard let recipe = try? Recipe(json: manifest.recipe.lineText) else { return nil }
    do throws(TrainingError) {
      _ = try RunCounters(manifest, recipe: recipe)
      return nil
    } catch {
      return error.description
    }
  }

  /// - Throws: `TrainingError.unusableCheckpoint` with the first number that no run can have reached.
  public init(_ manifest: Manifest, recipe: Recipe, path: String = Manifest.fileName)
    throws(TrainingError)
  {
    try self.init(
      step: manifest.step, epoch: manifest.epoch, position: manifest.position,
      state: manifest.state, recipe: recipe, path: path)
  }

  package init(
    step: Int, epoch: Int, position: Int, state: JSONValue, recipe: Recipe, path: String
  ) throws(TrainingError) {
    func refused(_ reason: String) -> TrainingError {
      .unusableCheckpoint(path: path, reason: reason)
    }
    func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>, _ why: String)
      throws(TrainingError)
    {
      guard range.contains(value) else {
        throw refused(
          "its \(name) is \(value), but can be \(range.lowerBound) to \(range.upperBound) (\(why))")
      }
    }
    guard let phase = state["phase"]?.string.flatMap(Phase.init(rawValue:)) else {
      throw refused("its counters (`state`) name no phase")
    }
    guard
      let updates = state["ema_updates"]?.int, let steps = state["optimizer_steps"]?.int,
      let skipped = state["skipped_steps"]?.int, let inARow = state["skipped_in_a_row"]?.int,
      let sums = state["loss_sums"]?.array, sums.count == 4
    else { throw refused("its counters (`state`) are not complete") }
    let losses = sums.compactMap(\.double).filter(\.isFinite)
    guard losses.count == 4 else { throw refused("its `loss_sums` are not four finite numbers") }

    let schedule = recipe.schedule
    // bounded: a constant
    try check("step", step, 0...CheckpointLimits().count, "the most that a checkpoint may say")
    switch phase {
    case .float:
      // bounded: 0 or more in a recipe
      try check("epoch", epoch, 0...schedule.floatEpochs, "`schedule.floatEpochs`, in float")
    case .qat:
      // A float checkpoint may be calibrated after any epoch.
      // bounded: 0 or more in a recipe
      try check("epoch", epoch, 0...schedule.epochs, "all epochs of `schedule`")
    }
    // Every epoch done had a step or more.
    // bounded: both checked before
    try check("position", position, 0...max(step - epoch, 0), "the steps behind the epochs done")
    // bounded: checked before
    try check("ema_updates", updates, 0...step, "the steps done")
    try check("optimizer_steps", steps, 0...step, "the steps done")  // bounded: checked before
    try check("skipped_steps", skipped, 0...step, "the steps done")  // bounded: checked before
    // bounded: checked before
    try check("skipped_in_a_row", inARow, 0...skipped, "the steps skipped")
    // Older checkpoints do not have it; they counted every step.
    let lossSteps = state["loss_steps"]?.int ?? position
    try check("loss_steps", lossSteps, 0...position, "the steps of the epoch")  // bounded: checked
    (self.phase, self.step, self.epoch, self.position) = (phase, step, epoch, position)
    (averageUpdates, optimizerSteps) = (updates, steps)
    (skippedSteps, skippedInARow) = (skipped, inARow)
    self.lossSteps = lossSteps
    lossSums = SIMD4(losses[0], losses[1], losses[2], losses[3])
  }
}
