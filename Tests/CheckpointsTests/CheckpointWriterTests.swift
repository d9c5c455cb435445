import Checkpoints
import Compression
import Foundation
import Tensors
import Testing

@Suite struct CheckpointWriterTests {
  @Test func `what is written is read back, bit by bit`() throws {
    let run = try TemporaryFolder()
    let contents = sampleContents()
    let commit = try CheckpointWriter(runFolder: run.path, verifiesBeforeCommit: true)
      .write(contents)
    #expect(commit.outcome == .written)
    #expect(commit.path == run.path + "/checkpoints/step-00000012")
    let reader = try CheckpointReader(path: commit.path)
    let back = try reader.readAll()
    #expect(areBitwiseEqual(back.tensors, contents.tensors))
    #expect(back.step == 12 && back.epoch == 2 && back.position == 3)
    #expect(back.recipe == contents.recipe && back.graph == contents.graph)
    #expect(back.metrics == contents.metrics && back.state == contents.state)
    #expect(back.libraries == contents.libraries && back.writer == contents.writer)
    let one = contents.tensors[3]
    #expect(try reader.read(one.name, role: one.role).isBitwiseEqual(to: one.tensor))
    #expect(throws: CheckpointError.self) { try reader.read(one.name, role: .ema) }
  }

  @Test func `tensors larger than a frame and more than a shard come back`() throws {
    let run = try TemporaryFolder()
    var writer = CheckpointWriter(runFolder: run.path)
    writer.shardByteCount = 6 << 20
    let contents = CheckpointContents(
      step: 1, epoch: 0, position: 1,
      tensors: [
        CheckpointTensor(
          name: "a", role: .parameter, tensor: noise([1_100_003], .float32, seed: 1)),
        CheckpointTensor(name: "b", role: .ema, tensor: noise([600_001], .float64, seed: 2)),
        CheckpointTensor(name: "c", role: .ema, tensor: Tensor(shape: [9_000_000], dtype: .int8)),
        CheckpointTensor(name: "d", role: .ema, tensor: noise([3], .int32, seed: 3)),
      ])
    let path = try writer.write(contents).path
    #expect(
      try names(path) == [
        "manifest.json", "shard-000.zst", "shard-001.zst", "shard-002.zst", "shard-003.zst",
      ])
    let reader = try CheckpointReader(path: path)
    #expect(reader.manifest.tensors.map(\.frames.count) == [17, 19, 35, 1])
    #expect(areBitwiseEqual(try reader.readTensors(), contents.tensors))
    #expect(reader.manifest.shardByteCount < reader.manifest.rawByteCount)
  }

  @Test func `the checksum stands where the format's description says`() throws {
    let run = try TemporaryFolder()
    let path = try CheckpointWriter(runFolder: run.path).write(sampleContents()).path
    let manifest = try bytes(path + "/manifest.json")
    let text = String(decoding: manifest, as: UTF8.self)
    #expect(text.hasPrefix("{\n  \"checksum\": \"") && text.hasSuffix("\n}\n"))
    let digits = String(decoding: manifest[17..<33], as: UTF8.self)
    #expect(UInt64(digits, radix: 16) == xxh64(Array(manifest[36...])))
    #expect(Array(manifest[33..<36]) == Array("\",\n".utf8))
    #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count <= 100 })
  }

  @Test func `two writes of one state have the same bytes`() throws {
    let (a, b) = (try TemporaryFolder(), try TemporaryFolder())
    let first = try CheckpointWriter(runFolder: a.path).write(sampleContents()).path
    let second = try CheckpointWriter(runFolder: b.path).write(sampleContents()).path
    #expect(try names(first) == names(second))
    for name in try names(first) {
      #expect(try bytes(first + "/" + name) == bytes(second + "/" + name), "\(name)")
    }
  }

  @Test func `saving a step again keeps, replaces or refuses`() throws {
    let run = try TemporaryFolder()
    let writer = CheckpointWriter(runFolder: run.path)
    let path = try writer.write(sampleContents()).path
    #expect(try writer.write(sampleContents()).outcome == .unchanged)

    // The same tensors with a metric that came later.
    #expect(try writer.write(sampleContents(map: 0.75)).outcome == .replaced)
    #expect(try CheckpointReader(path: path).manifest.metrics["mAP50-95"] == 0.75)

    // Other tensors: the whole checkpoint stays.
    let error = #expect(throws: CheckpointError.self) {
      try writer.write(sampleContents(seed: 2))
    }
    #expect(error?.description.contains("already holds a complete checkpoint") == true)
    #expect(try CheckpointReader(path: path).manifest.metrics["mAP50-95"] == 0.75)

    // Damaged: it is replaced.
    let shard = path + "/shard-000.zst"
    var damaged = try bytes(shard)
    damaged[damaged.count / 2] ^= 0x10
    try replaceBytes(shard, damaged)
    #expect(try writer.write(sampleContents(seed: 2)).outcome == .replaced)
    #expect(verify(path: path).isWhole)
    #expect(try names(run.path + "/checkpoints") == ["step-00000012"])
  }

  @Test func `notes without the score that decides do not replace those with it`() throws {
    let run = try TemporaryFolder()
    let writer = CheckpointWriter(
      runFolder: run.path, retention: RetentionPolicy(keepLast: 1, best: .init(metric: "mAP50-95")))
    var unscored = sampleContents()
    unscored.metrics = ["loss": 1.5]
    let path = try writer.write(unscored).path
    #expect(try writer.write(sampleContents()).outcome == .replaced)
    #expect(try writer.write(unscored).outcome == .unchanged)
    #expect(try CheckpointReader(path: path).manifest.metrics["mAP50-95"] == 0.5)
    #expect(try names(run.path + "/checkpoints") == ["step-00000012"])
  }

  @Test func `the same tensors in frames of another length are the same`() throws {
    let run = try TemporaryFolder()
    var writer = CheckpointWriter(runFolder: run.path)
    writer.frameRawLength = 16
    let path = try writer.write(sampleContents()).path
    writer.frameRawLength = 64
    #expect(throws: CheckpointError.self) { try writer.write(sampleContents(seed: 2)) }
    #expect(try writer.write(sampleContents()).outcome == .replaced)
    let tensors = try CheckpointReader(path: path).readTensors()
    #expect(areBitwiseEqual(tensors, sampleContents().groupedByName().tensors))
  }

  @Test func `a failed write leaves the others and no rest`() throws {
    let run = try TemporaryFolder()
    var writer = CheckpointWriter(runFolder: run.path)
    try writer.write(sampleContents(step: 1))
    writer.level = 1000
    #expect(throws: CheckpointError.self) { try writer.write(sampleContents(step: 2)) }
    #expect(try names(run.path + "/checkpoints") == ["step-00000001"])
    #expect(throws: CheckpointError.self) {
      try CheckpointWriter(runFolder: "/proc/no-such-place").write(sampleContents())
    }
  }

  @Test(.enabled(if: getuid() == 0, "mounting a small disk needs root"))
  func `a full disk ends in a sentence, and the checkpoint before it stays whole`() throws {
    let run = try TemporaryFolder()
    guard runProgram("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", run.path) == 0 else {
      print("skipped: mounting is not permitted here")
      return
    }
    defer { _ = runProgram("umount", run.path) }
    let big = CheckpointContents(
      step: 2, epoch: 0, position: 2,
      tensors: [
        CheckpointTensor(name: "w", role: .parameter, tensor: noise([400_000], .float32, seed: 1))
      ])
    var writer = CheckpointWriter(runFolder: run.path)
    let good = try writer.write(sampleContents(step: 1)).path
    let early = #expect(throws: CheckpointError.self) { try writer.write(big) }
    #expect(early?.description.hasPrefix("not enough disk space") == true)
    // Without looking first, the write itself fails in the middle.
    writer.checksSpace = false
    let late = #expect(throws: CheckpointError.self) { try writer.write(big) }
    #expect(late?.description.contains("No space left") == true)
    #expect(try names(run.path + "/checkpoints") == ["step-00000001"])
    #expect(verify(path: good).isWhole)
  }

  @Test func `zstd itself accepts every shard file`() throws {
    let run = try TemporaryFolder()
    let path = try CheckpointWriter(runFolder: run.path).write(sampleContents()).path
    guard let status = runProgram("zstd", "-tq", path + "/shard-000.zst"), status != 127 else {
      print("skipped: the zstd program is not there")
      return
    }
    #expect(status == 0)
  }

  /// Runs a program and returns its exit code; 127 where there is none of that name.
  private func runProgram(_ arguments: String...) -> Int32? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { return nil }
    process.waitUntilExit()
    return process.terminationStatus
  }
}
