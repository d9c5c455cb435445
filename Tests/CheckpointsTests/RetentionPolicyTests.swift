import Checkpoints
import Foundation
import Tensors
import Testing

@Suite struct RetentionPolicyTests {
  /// Writes a run of checkpoints, and returns the steps that stayed.
  private func kept(
    _ policy: RetentionPolicy, _ saved: [(step: Int, phase: String?, map: Double?)]
  ) throws -> [Int] {
    let run = try TemporaryFolder()
    let writer = CheckpointWriter(runFolder: run.path, retention: policy)
    for item in saved {
      try writer.write(sampleContents(step: item.step, map: item.map, phase: item.phase))
    }
    return try CheckpointStore(runFolder: run.path).list().map(\.step)
  }

  private let byScore = RetentionPolicy(keepLast: 1, best: .init(metric: "mAP50-95"))

  @Test func `a checkpoint between two evaluations never wins`() throws {
    let saved: [(step: Int, phase: String?, map: Double?)] = [
      (1, "float", 0.101), (2, "float", nil), (3, "float", nil), (4, "float", 0.05),
      (5, "float", nil),
    ]
    #expect(try kept(byScore, saved) == [5, 1])
  }

  @Test func `of equal scores the oldest is the best`() throws {
    #expect(
      try kept(byScore, [(1, "float", 0.1), (2, "float", 0.1), (3, "float", 0.1)]) == [3, 1])
  }

  @Test func `each phase keeps its own best, and no other phase's score counts`() throws {
    let saved: [(step: Int, phase: String?, map: Double?)] = [
      (1, "float", 0.9), (2, "float", 0.8), (3, "qat", 0.3), (4, "qat", 0.5), (5, "qat", 0.4),
    ]
    #expect(try kept(byScore, saved) == [5, 4, 1])
    let run = try TemporaryFolder()
    let writer = CheckpointWriter(runFolder: run.path)
    for item in saved {
      try writer.write(sampleContents(step: item.step, map: item.map, phase: item.phase))
    }
    let entries = try CheckpointStore(runFolder: run.path).list()
    #expect(entries.map { $0.summary?.phase } == ["qat", "qat", "qat", "float", "float"])
    #expect(
      RetentionPolicy.Best(metric: "mAP50-95").ofEachPhase(entries).map(\.step) == [1, 4])
    let table = CheckpointEntry.table(entries)
    #expect(table.contains("complete, best of qat") && table.contains("complete, best of float"))
  }

  @Test func `the newest of each phase stays where that is asked for`() throws {
    let policy = RetentionPolicy(keepLast: 1, keepsPhaseEnds: true)
    #expect(
      try kept(policy, [(1, "float", 0.9), (2, "float", nil), (3, "qat", nil), (4, "qat", nil)])
        == [4, 2])
  }

  @Test func `a score that is no number is none`() throws {
    #expect(try kept(byScore, [(1, "qat", 0.1), (2, "qat", .nan), (3, "qat", nil)]) == [3, 1])
  }
}
