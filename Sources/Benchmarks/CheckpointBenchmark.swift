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
  public var compressProcessorSeconds, restoreProcessorSeconds, verifyProcessorSeconds: Double
  /// On the clock, bringing the files to the disk included.
  public var compress, restore: Timings
  /// What a step waits: a true copy of the state, handed to the writer.
  public var blocked: Timings
  /// Copying as many bytes into memory that is there already.
  public var memcpy: Timings
  /// Listing a run of `listedCount` such checkpoints; describing one of them, without statistics.
  public var list, show: Timings
  public static let listedCount = 100

  /// Of the roles whose tensors take a megabyte or more.
  public var roles: [RoleCost]

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

    verifyProcessorSeconds = processorSeconds(count: repetitions) {
      let report = verify(path: commit.path)
      precondition(report.isWhole, "what was just written is damaged: \(report.problems)")
    }

    roles = try Self.roles(written, contents, writer: writer, next: next, repetitions: repetitions)
    (blocked, memcpy) = try Self.handOver(next, to: writer, repetitions: repetitions)
    (list, show) = try Self.listing(
      CheckpointReader(path: try writer.write(next()).path).manifest, folder: folder,
      repetitions: repetitions)
    plainByteCount = try contents.tensors.reduce(0) { sum, item in
      try item.tensor.withBytes { bytes in
        sum + (try Compression.compress(bytes, level: 3).count)
      }
    }
  }

  /// Times, by turns, a step's hand-over of the state and a copy of as many bytes. Both follow a
  /// write, which has filled the caches with its own.
  private static func handOver(
    _ next: () -> CheckpointContents, to writer: CheckpointWriter, repetitions: Int
  ) throws -> (blocked: Timings, memcpy: Timings) {
    let background = BackgroundCheckpointWriter(writer)
    let tensors = next().tensors
    let target = AlignedBuffer(byteCount: tensors.reduce(0) { $0 + $1.tensor.byteCount })
    func copy() {
      var offset = 0
      for item in tensors {
        item.tensor.withBytes { bytes in
          guard let base = bytes.baseAddress else { return }
          (target.base + offset).copyMemory(from: base, byteCount: bytes.count)
          offset += bytes.count
        }
      }
    }
    // As a run does it: the copy is taken into memory that the first one has left.
    var memory = SnapshotMemory()
    var waited: [Double] = []
    var copied: [Double] = []
    for repetition in 0...repetitions {
      let state = next()
      let seconds = try secondsTaken { try background.submit(memory.copy(state)) }
      try background.finish()
      let copySeconds = secondsTaken(by: copy)
      try background.submit(memory.copy(next()))
      try background.finish()
      // The first round takes the memory.
      guard repetition > 0 else { continue }
      waited.append(seconds)
      copied.append(copySeconds)
    }
    return (Timings(waited), Timings(copied))
  }

  /// Times the listing of a run with many checkpoints like `manifest`'s, and the description of one.
  ///
  /// They share their shard files, which neither reads.
  private static func listing(
    _ manifest: Manifest, folder: String, repetitions: Int
  ) throws -> (list: Timings, show: Timings) {
    let source = CheckpointStore(runFolder: folder).path(step: manifest.step)
    let many = CheckpointStore(runFolder: "\(folder)/many")
    let files = FileManager.default
    for step in 1...listedCount {
      var copy = manifest
      copy.step = step
      let path = many.path(step: step)
      try files.createDirectory(atPath: path, withIntermediateDirectories: true)
      try Data(ManifestFile.bytes(of: copy.json)).write(
        to: URL(filePath: "\(path)/\(Manifest.fileName)"))
      for shard in manifest.shards.indices {
        let name = Manifest.shardFileName(shard)
        try files.linkItem(atPath: "\(source)/\(name)", toPath: "\(path)/\(name)")
      }
    }
    let list = try Timings(count: repetitions, warmUp: 1) {
      let entries = try many.list()
      precondition(entries.count == listedCount && entries.allSatisfy(\.isComplete))
    }
    let show = try Timings(count: repetitions, warmUp: 1) {
      _ = try CheckpointReader(path: source).description()
    }
    return (list, show)
  }
}
