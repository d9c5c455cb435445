public import Checkpoints
import Compression
import Foundation
import Tensors

/// What a checkpoint costs: its size, the speed of writing and reading it, and how long a training
/// step waits for it.
public struct CheckpointBenchmark: Sendable {
  /// Bytes of the tensors, and of their shard files.
  public var rawByteCount, storedByteCount: Int
  /// The same bytes through plain zstd of level 3, one frame a tensor.
  public var plainByteCount: Int
  /// Processor time of all threads: what one core would take.
  public var compressProcessorSeconds, restoreProcessorSeconds: Double
  /// On the clock, bringing the files to the disk included.
  public var compress, restore: Timings
  /// What a step waits: a true copy of the state, handed to the writer.
  public var blocked: Timings
  /// Copying as many bytes into memory that is there already.
  public var memcpy: Timings

  public var ratio: Double { Double(rawByteCount) / Double(storedByteCount) }
  public var plainRatio: Double { Double(rawByteCount) / Double(plainByteCount) }

  /// Reads the checkpoint whole, then writes and reads copies of it in `folder`, which is made and
  /// removed.
  ///
  /// - Parameter level: zstd's level for the copies.
  /// - Throws: `CheckpointError`.
  public init(
    _ reader: CheckpointReader, level: Int, folder: String, repetitions: Int = 5
  ) throws {
    precondition(repetitions > 0, "\(repetitions) repetitions")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var contents = try reader.readAll()
    // Another step each time, so that nothing written before is compared or replaced.
    var step = 0
    func next() -> CheckpointContents {
      step += 1
      contents.step = step
      return contents
    }
    let writer = CheckpointWriter(
      runFolder: folder, level: level, retention: RetentionPolicy(keepLast: 1))
    var commit = try writer.write(next())
    rawByteCount = commit.rawByteCount
    storedByteCount = commit.storedByteCount

    var processor = processorSeconds()
    compress = try Timings(count: repetitions) { commit = try writer.write(next()) }
    compressProcessorSeconds = (processorSeconds() - processor) / Double(repetitions)

    let written = try CheckpointReader(path: commit.path)
    _ = try written.readTensors()
    processor = processorSeconds()
    restore = try Timings(count: repetitions) { _ = try written.readTensors() }
    restoreProcessorSeconds = (processorSeconds() - processor) / Double(repetitions)

    let background = BackgroundCheckpointWriter(writer)
    // As a run does it: the copy is taken into memory that the first one has left.
    var memory = SnapshotMemory()
    _ = memory.copy(contents)
    var waited: [Double] = []
    for _ in 0..<repetitions {
      let state = next()
      waited.append(try secondsTaken { try background.submit(memory.copy(state)) })
      try background.finish()
    }
    blocked = Timings(waited)

    memcpy = Self.copying(contents, repetitions: repetitions)
    plainByteCount = try contents.tensors.reduce(0) { sum, item in
      try item.tensor.withBytes { bytes in
        sum + (try Compression.compress(bytes, level: 3).count)
      }
    }
  }

  private static func copying(_ contents: CheckpointContents, repetitions: Int) -> Timings {
    let target = AlignedBuffer(
      byteCount: contents.tensors.reduce(0) { $0 + $1.tensor.byteCount })
    return Timings(count: repetitions, warmUp: 1) {
      var offset = 0
      for item in contents.tensors {
        item.tensor.withBytes { bytes in
          guard let base = bytes.baseAddress else { return }
          (target.base + offset).copyMemory(from: base, byteCount: bytes.count)
          offset += bytes.count
        }
      }
    }
  }
}
