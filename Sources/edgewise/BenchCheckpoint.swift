import ArgumentParser
import Benchmarks
import Checkpoints
import Foundation
import Reporting

struct BenchCheckpoint: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Times how a run's state is packed, restored, and handed over by a step.",
    discussion: """
      Example: edgewise bench checkpoint --run runs/demo --json

      Copies of the newest checkpoint are written to a temporary folder and read back. compress_MB_s, \
      restore_MB_s and verify_MB_s are raw bytes (10⁶) over processor time, so per core, with \
      everything: files, manifest, checksums; write_ms and read_ms are on the clock, the disk \
      included. blocked_ms is what a step waits: a true copy of the state and its hand-over. memcpy_ms \
      is the same bytes copied into memory that is there already, in turns with it. list_ms is a list \
      of 100 such checkpoints, show_ms a description of one; a command takes the start of the program \
      besides. save_share_per_minute is the part of a minute that a save takes: blocked, and the \
      processor time of all threads, as if one core did both. by_role has the same for the tensors of \
      each role that takes a megabyte or more.
      """)

  @Option(
    name: .customLong("run"),
    help: "A run's folder for its newest checkpoint, or a checkpoint's folder.",
    completion: .directory)
  var source: String

  @Option(help: "zstd level. Default: the one in the checkpoint's recipe.")
  var level: Int?

  @Option(
    help: "Where the temporary folder is made. Default: the system's.", completion: .directory)
  var folder: String?

  @Option(help: "Repetitions of everything; medians are given.")
  var count = 9

  @Flag(help: "Print one JSON document.")
  var json = false

  func validate() throws {
    if let level, !(1...19).contains(level) {
      throw ValidationError("--level must be a whole number from 1 to 19")
    }
    guard (1...1000).contains(count) else {
      throw ValidationError("--count must be a whole number from 1 to 1000")
    }
  }

  func run() throws {
    try endingAlone {
      let reader = try openCheckpoint(source)
      let level =
        level ?? reader.manifest.recipe["checkpoint"]?["compressionLevel"]?.int ?? 1
      let parent = folder ?? FileManager.default.temporaryDirectory.path
      let result = try CheckpointBenchmark(
        reader, level: level, folder: "\(parent)/edgewise-bench-checkpoint-\(UUID().uuidString)",
        repetitions: count)
      let megabytes = Double(result.rawByteCount) * 1e-6
      let compress = megabytes / result.compressProcessorSeconds
      let restore = megabytes / result.restoreProcessorSeconds
      let verify = megabytes / result.verifyProcessorSeconds
      let share = (result.blocked.median + result.compressProcessorSeconds) / 60
      guard json else {
        print(
          """
          \(reader.path), step \(reader.manifest.step): \(fixed(megabytes, 1)) MB, zstd level \(level)
          ratio \(fixed(result.ratio, 3)); plain zstd -3: \(fixed(result.plainRatio, 3))
          compress \(fixed(compress, 0)) MB/s, restore \(fixed(restore, 0)) MB/s of processor time; \
          write \(fixed(1000 * result.compress.median, 1)) ms, read \
          \(fixed(1000 * result.restore.median, 1)) ms on the clock
          a step is blocked for \(fixed(1000 * result.blocked.median, 2)) ms; a memcpy of the state \
          takes \(fixed(1000 * result.memcpy.median, 2)) ms
          verify \(fixed(verify, 0)) MB/s of processor time; list \
          \(CheckpointBenchmark.listedCount) in \(fixed(1000 * result.list.median, 1)) ms, show one in \
          \(fixed(1000 * result.show.median, 1)) ms
          a save a minute takes \(fixed(100 * share, 2)) % of a core
          """)
        for role in result.roles {
          print(
            "\(role.role.rawValue): ratio \(fixed(role.ratio, 3)), compress "
              + "\(fixed(role.compressMegabytes, 0)) MB/s, restore \(fixed(role.restoreMegabytes, 0)) MB/s"
          )
        }
        return
      }
      printJSON([
        "bench": "checkpoint", "step": .integer(reader.manifest.step), "level": .integer(level),
        "raw_bytes": .integer(result.rawByteCount),
        "stored_bytes": .integer(result.storedByteCount),
        "ratio": decimals(result.ratio, 4), "plain_zstd_ratio": decimals(result.plainRatio, 4),
        "compress_MB_s": decimals(compress, 1), "restore_MB_s": decimals(restore, 1),
        "write_ms": decimals(1000 * result.compress.median, 3),
        "read_ms": decimals(1000 * result.restore.median, 3),
        "blocked_ms": decimals(1000 * result.blocked.median, 4),
        "memcpy_ms": decimals(1000 * result.memcpy.median, 4),
        "verify_MB_s": decimals(verify, 1),
        "list_count": .integer(CheckpointBenchmark.listedCount),
        "list_ms": decimals(1000 * result.list.median, 3),
        "show_ms": decimals(1000 * result.show.median, 3),
        "save_share_per_minute": decimals(share, 6),
        "by_role": .object(
          Dictionary(
            uniqueKeysWithValues: result.roles.map { role in
              (
                role.role.rawValue,
                [
                  "ratio": decimals(role.ratio, 4),
                  "compress_MB_s": decimals(role.compressMegabytes, 1),
                  "restore_MB_s": decimals(role.restoreMegabytes, 1),
                ] as JSONValue
              )
            })),
      ])
    }
  }
}

extension CheckpointBenchmark.RoleCost {
  fileprivate var ratio: Double { Double(rawByteCount) / Double(storedByteCount) }
  fileprivate var compressMegabytes: Double { Double(rawByteCount) * 1e-6 / compressSeconds }
  fileprivate var restoreMegabytes: Double { Double(rawByteCount) * 1e-6 / restoreSeconds }
}
