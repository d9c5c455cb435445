import Checkpoints
import Foundation
import Synchronization
import Tensors
import Testing

/// Several writers of one checkpoint.
@Suite struct ShareTests {
  private func writer(_ run: String) -> CheckpointWriter {
    var writer = CheckpointWriter(runFolder: run)
    writer.shardByteCount = 300
    return writer
  }

  private func plan(_ contents: CheckpointContents) -> ShardPlan {
    ShardPlan(
      contents.tensors.map { ($0.name, $0.tensor.byteCount) }, shardByteCount: 300)
  }

  private func write(
    _ contents: CheckpointContents, _ writer: CheckpointWriter, _ index: Int, of count: Int
  ) throws -> CheckpointCommit? {
    let share = plan(contents).share(index, of: count)
    var own = contents
    own.tensors = Array(contents.tensors[share.tensors])
    return try writer.write(own, share: share)
  }

  @Test(arguments: [1, 2, 3, 8, 40])
  func `any number of writers makes the same files`(count: Int) throws {
    let (alone, shared) = (try TemporaryFolder(), try TemporaryFolder())
    let contents = sampleContents().groupedByName()
    let first = try writer(alone.path).write(contents).path
    let writer = writer(shared.path)
    try writer.prepare(step: contents.step, tensorCount: contents.tensors.count, rawByteCount: 9999)
    let commits = Mutex<[CheckpointCommit]>([])
    // The first one in the middle of the others, as ranks may come.
    DispatchQueue.concurrentPerform(iterations: count) { i in
      let index = (i + count / 2) % count
      guard let commit = try? write(contents, writer, index, of: count) else { return }
      commits.withLock { $0.append(commit) }
    }
    let commit = try #require(commits.withLock { $0 }.first)
    #expect(commits.withLock { $0 }.count == 1 && commit.outcome == .written)
    #expect(try names(first).count > 4)
    #expect(try names(commit.path) == names(first))
    for name in try names(first) {
      #expect(try bytes(commit.path + "/" + name) == bytes(first + "/" + name), "\(name)")
    }
  }

  @Test func `shares divide the files without gaps`() {
    let plan = plan(sampleContents().groupedByName())
    for count in 1...40 {
      var (shard, tensor) = (0, 0)
      for index in 0..<count {
        let share = plan.share(index, of: count)
        #expect(share.shards.lowerBound == shard && share.shardCount == plan.shards.count)
        if !share.shards.isEmpty {
          #expect(share.tensors.lowerBound == tensor)
          tensor = share.tensors.upperBound
        }
        shard = share.shards.upperBound
      }
      #expect(shard == plan.shards.count && tensor == plan.shards.last?.upperBound)
    }
  }

  @Test func `a writer that fails or stays away is named, and nothing is left`() throws {
    let run = try TemporaryFolder()
    let contents = sampleContents().groupedByName()
    var writer = writer(run.path)
    writer.shareSeconds = 0.3
    try writer.prepare(step: contents.step, tensorCount: 1, rawByteCount: 1)
    let late = #expect(throws: CheckpointError.self) {
      try write(contents, writer, 0, of: 2)
    }
    #expect(late?.description.contains("rank 1 did not deliver") == true)
    #expect(try names(run.path + "/checkpoints").isEmpty)

    try writer.prepare(step: contents.step, tensorCount: 1, rawByteCount: 1)
    var broken = writer
    broken.level = 1000
    #expect(throws: CheckpointError.self) { try write(contents, broken, 1, of: 2) }
    let told = #expect(throws: CheckpointError.self) { try write(contents, writer, 0, of: 2) }
    #expect(told?.description.contains("1000 is not offered") == true)
    #expect(try names(run.path + "/checkpoints").isEmpty)
    // Without a prepared folder.
    #expect(throws: CheckpointError.self) { try write(contents, writer, 1, of: 2) }
  }

  @Test func `a writer of an earlier job does not write into this one's folder`() throws {
    let run = try TemporaryFolder()
    let contents = sampleContents().groupedByName()
    var (earlier, present) = (writer(run.path), writer(run.path))
    (earlier.attempt, present.attempt) = ("a", "b")
    earlier.shareSeconds = 0.1
    try earlier.prepare(step: contents.step, tensorCount: 1, rawByteCount: 1)
    try present.store.removeLeftovers()
    try present.prepare(step: contents.step, tensorCount: 1, rawByteCount: 1)
    #expect(throws: CheckpointError.self) { try write(contents, earlier, 1, of: 2) }
    let folder = run.path + "/checkpoints"
    #expect(try names(folder) == [".tmp-step-00000012-b"])
    #expect(try names(folder + "/.tmp-step-00000012-b").isEmpty)
    #expect(try write(contents, present, 1, of: 2) == nil)
    #expect(try write(contents, present, 0, of: 2)?.outcome == .written)
    #expect(try names(folder) == ["step-00000012"])
  }

  @Test func `what the disk has changed since it was written is noticed before it counts`() throws {
    let run = try TemporaryFolder()
    var contents = sampleContents().groupedByName()
    var writer = writer(run.path)
    writer.verifiesBeforeCommit = true
    let first = try writer.write(contents).path
    contents.step += 1
    try writer.prepare(
      step: contents.step, tensorCount: contents.tensors.count, rawByteCount: 9999)
    #expect(try write(contents, writer, 1, of: 2) == nil)
    let folder = run.path + "/checkpoints"
    let temporary = try #require(try names(folder).first { $0.hasPrefix(".tmp-") })
    let shard = try #require(try names("\(folder)/\(temporary)").last { $0.hasSuffix(".zst") })
    var bytes = try bytes("\(folder)/\(temporary)/\(shard)")
    bytes[bytes.count / 2] ^= 1
    try replaceBytes("\(folder)/\(temporary)/\(shard)", bytes)
    let error = #expect(throws: CheckpointError.self) { try write(contents, writer, 0, of: 2) }
    #expect(error?.description.contains("reads back wrong") == true, "\(String(describing: error))")
    #expect(error?.description.contains(shard) == true)
    // The one before is the only one, and whole.
    #expect(try names(folder).count == 1 && verify(path: first).isWhole)
  }
}

@Suite struct RunLockTests {
  @Test func `a run has one owner at a time`() throws {
    let run = try TemporaryFolder()
    var lock: RunLock? = try RunLock(runFolder: run.path)
    let error = #expect(throws: CheckpointError.self) { try RunLock(runFolder: run.path) }
    #expect(error?.description.contains("in use by process \(getpid())") == true)
    withExtendedLifetime(lock) {}
    lock = nil
    #expect(throws: Never.self) { try RunLock(runFolder: run.path) }
  }
}

@Suite struct SnapshotMemoryTests {
  @Test func `copies are true copies in the same memory, but not in memory that is in use`() {
    let contents = sampleContents()
    var memory = SnapshotMemory()
    func address(_ contents: CheckpointContents) -> UnsafeRawPointer? {
      contents.tensors[1].tensor.withBytes { $0.baseAddress }
    }
    var copy: CheckpointContents? = memory.copy(contents)
    #expect(areBitwiseEqual(copy!.tensors, contents.tensors))
    #expect(address(copy!) != address(contents))
    let first = address(copy!)
    copy = nil
    let held = memory.copy(contents)
    #expect(address(held) == first)
    let other = memory.copy(sampleContents(seed: 2))
    #expect(address(other) != first)
    #expect(areBitwiseEqual(held.tensors, contents.tensors))
    #expect(areBitwiseEqual(other.tensors, sampleContents(seed: 2).tensors))
  }
  /// The copy goes in steps of 128 bytes and has a remainder.
  @Test(arguments: [0, 1, 31, 32, 33, 63, 64, 1000])
  func `a copy of any length is whole`(count: Int) {
    let values = (0..<count).map { Float($0) + 0.5 }
    let tensor = Tensor(values, shape: [count])
    var contents = sampleContents()
    contents.tensors = [
      CheckpointTensor(name: "a", role: .parameter, tensor: tensor),
      CheckpointTensor(name: "b", role: .parameter, tensor: tensor),
    ]
    var memory = SnapshotMemory()
    for _ in 0..<2 { #expect(areBitwiseEqual(memory.copy(contents).tensors, contents.tensors)) }
  }
}
