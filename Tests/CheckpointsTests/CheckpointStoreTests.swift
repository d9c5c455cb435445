import Checkpoints
import Foundation
import Tensors
import Testing

@Suite struct CheckpointStoreTests {
  /// A run with checkpoints of these steps; the metric is the step in hundredths.
  private func run(steps: [Int]) throws -> TemporaryFolder {
    let run = try TemporaryFolder()
    for step in steps {
      try CheckpointWriter(runFolder: run.path).write(
        sampleContents(step: step, seed: UInt64(step), map: Double(step) / 100))
    }
    return run
  }

  private func damage(_ run: TemporaryFolder, step: Int) throws {
    let shard = CheckpointStore(runFolder: run.path).path(step: step) + "/shard-000.zst"
    var damaged = try bytes(shard)
    damaged[damaged.count - 1] ^= 1
    try replaceBytes(shard, damaged)
  }

  @Test func `a run without checkpoints has none`() throws {
    let store = CheckpointStore(runFolder: "/nowhere/at-all")
    #expect(try store.list().isEmpty)
    #expect(try store.newestVerified()?.reader.path == nil)
  }

  @Test func `the list is newest first, and a write that was killed does not count`() throws {
    let run = try run(steps: [1, 20, 3])
    let store = CheckpointStore(runFolder: run.path)
    try FileManager.default.copyItem(
      atPath: store.path(step: 20), toPath: store.folder + "/.tmp-step-00000021")
    try FileManager.default.createDirectory(
      atPath: store.folder + "/notes", withIntermediateDirectories: true)
    let entries = try store.list()
    #expect(entries.map(\.step) == [20, 3, 1])
    #expect(entries.allSatisfy { $0.isComplete && !$0.isVerified && $0.summary?.worldSize == 2 })
    #expect(try store.newestVerified()?.reader.manifest.step == 20)
    // The next write of that step clears the rest away.
    try CheckpointWriter(runFolder: run.path).write(sampleContents(step: 21))
    #expect(try store.list().map(\.step) == [21, 20, 3, 1])
    #expect(!(try names(store.folder).contains(".tmp-step-00000021")))
  }

  @Test func `resuming falls back past damaged ones and says why`() throws {
    let run = try run(steps: [1, 2, 3, 4])
    let store = CheckpointStore(runFolder: run.path)
    try damage(run, step: 4)
    try FileManager.default.removeItem(atPath: store.path(step: 3) + "/shard-000.zst")
    let found = try #require(try store.newestVerified())
    #expect(found.reader.manifest.step == 2)
    #expect(
      found.skipped.map(\.path) == [store.path(step: 4), store.path(step: 3)])
    #expect(found.skipped[0].reason.contains("shard-000.zst is damaged"))
    #expect(found.skipped[1].reason.contains("it is missing"))
    // A flipped bit shows only when every byte is read.
    #expect(try store.list().map(\.isComplete) == [true, false, true, true])
    #expect(try store.list(isVerifying: true).map(\.isComplete) == [false, false, true, true])

    try damage(run, step: 2)
    try damage(run, step: 1)
    #expect(throws: CheckpointError.self) { try store.newestVerified() }
  }

  @Test func `a folder that was given another step's name does not count`() throws {
    let run = try run(steps: [5])
    let store = CheckpointStore(runFolder: run.path)
    try FileManager.default.copyItem(
      atPath: store.path(step: 5), toPath: store.path(step: 9))
    #expect(try store.list().map(\.isComplete) == [false, true])
    #expect(try store.newestVerified()?.reader.manifest.step == 5)
  }

  @Test func `retention keeps the last and the best`() throws {
    let run = try TemporaryFolder()
    let store = CheckpointStore(runFolder: run.path)
    let writer = CheckpointWriter(
      runFolder: run.path,
      retention: RetentionPolicy(keepLast: 2, best: .init(metric: "mAP50-95")))
    for (step, map) in [(1, 0.1), (2, 0.9), (3, 0.2), (4, 0.3), (5, .nan)] {
      try writer.write(sampleContents(step: step, map: map))
    }
    #expect(try store.list().map(\.step) == [5, 4, 2])
    let lowest = RetentionPolicy(
      keepLast: 1, best: .init(metric: "mAP50-95", higherIsBetter: false))
    try CheckpointWriter(runFolder: run.path, retention: lowest).write(
      sampleContents(step: 6, map: 0.5))
    #expect(try store.list().map(\.step) == [6, 4])
  }

  @Test func `retention never removes what was just written, nor the last whole one`() throws {
    let run = try run(steps: [10, 11, 12])
    let store = CheckpointStore(runFolder: run.path)
    // Gone back to an early step: the new one is older by number than all the others.
    let writer = CheckpointWriter(runFolder: run.path, retention: RetentionPolicy(keepLast: 1))
    let commit = try writer.write(sampleContents(step: 4))
    #expect(try store.list().map(\.step) == [12, 4])
    #expect(commit.removed == [store.path(step: 11), store.path(step: 10)])
    // Newer ones without a readable manifest are not counted as kept.
    try replaceBytes(store.path(step: 12) + "/manifest.json", Array("{}".utf8))
    try writer.write(sampleContents(step: 5))
    #expect(try store.list().filter(\.isComplete).map(\.step) == [5])
    #expect(try store.list().map(\.step) == [12, 5])
  }

  @Test func `the first of every run of steps stays`() throws {
    let run = try run(steps: [1])
    let store = CheckpointStore(runFolder: run.path)
    let writer = CheckpointWriter(
      runFolder: run.path, retention: RetentionPolicy(keepLast: 1, keepEverySteps: 10))
    for step in [9, 12, 15, 31, 39, 40] { try writer.write(sampleContents(step: step)) }
    #expect(try store.list().map(\.step) == [40, 31, 12, 1])
  }

  @Test func `pruning never takes the last whole checkpoint`() throws {
    let run = try run(steps: [10, 11, 12, 13])
    let store = CheckpointStore(runFolder: run.path)
    // The newest looks complete and is not.
    let shard = store.path(step: 13) + "/shard-000.zst"
    var damaged = try bytes(shard)
    damaged[damaged.count / 2] ^= 1
    try replaceBytes(shard, damaged)
    let trial = try store.prune(RetentionPolicy(keepLast: 1), isTrial: true)
    #expect(trial.removed == [11, 10] && trial.kept == [13, 12])
    #expect(try store.list().count == 4)
    #expect(try store.prune(RetentionPolicy(keepLast: 1)) == trial)
    #expect(try store.list().map(\.step) == [13, 12])
    #expect(throws: CheckpointError.self) {
      try CheckpointStore(runFolder: run.path + "/none").prune(RetentionPolicy(keepLast: 1))
    }
  }

  @Test func `leftovers can be cleared`() throws {
    let run = try run(steps: [1])
    let store = CheckpointStore(runFolder: run.path)
    try FileManager.default.copyItem(
      atPath: store.path(step: 1), toPath: store.folder + "/.tmp-removed-step-00000000")
    try store.removeLeftovers()
    #expect(try names(store.folder) == ["step-00000001"])
  }

  @Test func `writing behind the training gives the same checkpoints`() throws {
    let run = try TemporaryFolder()
    let background = BackgroundCheckpointWriter(CheckpointWriter(runFolder: run.path))
    var contents = sampleContents(step: 1)
    let snapshot = contents
    try background.submit(contents)
    // The run goes on and changes its state while the snapshot is written.
    for index in contents.tensors.indices {
      contents.tensors[index].tensor.withMutableBytes { bytes in
        for i in bytes.indices { bytes[i] ^= 0xFF }
      }
    }
    contents.step = 2
    try background.submit(contents)
    #expect(try background.finish().map(\.outcome) == [.written, .written])
    let store = CheckpointStore(runFolder: run.path)
    #expect(
      areBitwiseEqual(
        try CheckpointReader(path: store.path(step: 1)).readTensors(), snapshot.tensors))
    #expect(
      areBitwiseEqual(
        try CheckpointReader(path: store.path(step: 2)).readTensors(), contents.tensors))
  }

  @Test func `detached contents do not see what is written through pointers`() {
    let contents = sampleContents()
    let copy = contents.detached()
    #expect(areBitwiseEqual(copy.tensors, contents.tensors))
    let tensor = contents.tensors[3].tensor
    tensor.withBytes { UnsafeMutableRawBufferPointer(mutating: $0)[0] ^= 1 }
    #expect(!copy.tensors[3].tensor.isBitwiseEqual(to: tensor))
  }

  @Test func `an error behind the training comes out at the next call and stays`() throws {
    let background = BackgroundCheckpointWriter(CheckpointWriter(runFolder: "/proc/none"))
    try background.submit(sampleContents(step: 1))
    #expect(throws: CheckpointError.self) { try background.submit(sampleContents(step: 2)) }
    #expect(throws: CheckpointError.self) { try background.finish() }
  }
}
