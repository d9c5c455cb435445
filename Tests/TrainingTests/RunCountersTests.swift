import Checkpoints
import Testing
import Training

/// The counters of a checkpoint are held against what a run of its recipe can have reached.
@Suite struct RunCountersTests {
  private let recipe: Recipe = {
    var recipe = Recipe()
    recipe.schedule.floatEpochs = 4
    recipe.schedule.qatEpochs = 3
    return recipe
  }()

  private func counters(
    step: Int = 25, epoch: Int = 3, position: Int = 1, phase: String = "float",
    _ changes: [String: JSONValue] = [:]
  ) throws -> RunCounters {
    var state: [String: JSONValue] = [
      "phase": .string(phase), "ema_updates": 25, "optimizer_steps": 24, "skipped_steps": 1,
      "skipped_in_a_row": 0, "loss_sums": [1.5, 2, 0, 0.25],
    ]
    state.merge(changes) { $1 }
    return try RunCounters(
      step: step, epoch: epoch, position: position, state: .object(state), recipe: recipe,
      path: "step-25")
  }

  private func refusal(_ make: () throws -> RunCounters) -> String {
    let error = #expect(throws: TrainingError.self) { try make() }
    return error?.description ?? ""
  }

  @Test func `those of a run are taken as they are`() throws {
    let found = try counters()
    #expect((found.step, found.epoch, found.position) == (25, 3, 1))
    #expect(found.phase == .float && found.optimizerSteps == 24 && found.averageUpdates == 25)
    #expect(found.lossSums == SIMD4(1.5, 2, 0, 0.25))
    _ = try counters(epoch: 4, position: 0)
    _ = try counters(epoch: 7, position: 0, phase: "qat")
    _ = try counters(
      step: 0, epoch: 0, position: 0,
      ["ema_updates": 0, "optimizer_steps": 0, "skipped_steps": 0, "loss_sums": [0, 0, 0, 0]])
  }

  @Test func `an epoch or position beyond the schedule is refused with what it can be`() {
    #expect(
      refusal { try counters(epoch: 5) }
        == "step-25 cannot be used: its epoch is 5, but can be 0 to 4 (`schedule.floatEpochs`, in float)"
    )
    #expect(refusal { try counters(epoch: 8, phase: "qat") }.contains("can be 0 to 7"))
    for number in [Int.max, .min, -1] {
      #expect(refusal { try counters(epoch: number) }.contains("its epoch is \(number)"))
      #expect(refusal { try counters(position: number) }.contains("its position is \(number)"))
      #expect(refusal { try counters(step: number) }.contains("its step is \(number)"))
    }
    #expect(refusal { try counters(position: 23) }.contains("can be 0 to 22"))
  }

  @Test(arguments: ["ema_updates", "optimizer_steps", "skipped_steps", "skipped_in_a_row"])
  func `a counter that is negative or beyond the steps is refused by its name`(_ name: String) {
    for number in [Int.max, .min, -1, 26] {
      #expect(
        refusal { try counters([name: .integer(number)]) }.contains("its \(name) is \(number)"))
    }
    for value: JSONValue in [1.5, "1", nil, 1e300] {
      #expect(refusal { try counters([name: value]) }.contains("not complete"))
    }
  }

  @Test func `losses that are no numbers, and a phase that is none, are refused`() {
    for value: JSONValue in [["nan", 0, 0, 0], ["inf", 0, 0, 0], ["x", 0, 0, 0]] {
      #expect(refusal { try counters(["loss_sums": value]) }.contains("loss_sums"))
    }
    #expect(refusal { try counters(["loss_sums": [1, 2, 3]]) }.contains("not complete"))
    #expect(refusal { try counters(phase: "later") }.contains("name no phase"))
  }
}
