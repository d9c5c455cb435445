import Checkpoints
import Compression
import Foundation
public import MessagePassing
import Parallel

extension Recipe {
  /// Keys that may differ from rank to rank, because they decide no bit of the result. All others do,
  /// or decide when ranks meet.
  ///
  /// `data.root`: where a node keeps its copy; what lies there is compared by content.
  /// `system.loaderThreads`, `system.cacheMiB`: how images get into memory, not which.
  /// `checkpoint.threads`: who compresses a frame, not what is in it.
  static let keysOfARank: Set<String> = [
    "data.root", "system.loaderThreads", "system.cacheMiB", "checkpoint.threads",
  ]

  /// Compares the recipes of all ranks, key by key.
  ///
  /// *Collective.* *Throws* the same `MixedRanks`, or `MPIError`, on every rank.
  public func compareOverRanks(_ communicator: Communicator) throws {
    let facts = Self.fields.filter { !Self.keysOfARank.contains($0.key) }.map {
      (name: $0.key, value: $0.read(self).description)
    }
    try compare(facts, of: .recipe, communicator: communicator)
  }
}

/// Compares what every rank reads as the checkpoint at `path`: its manifest, which holds a checksum of
/// every tensor.
///
/// *Collective.* *Throws* the same `MixedRanks`, or `MPIError`, on every rank.
public func compareCheckpoint(_ path: String, communicator: Communicator) throws {
  guard communicator.size > 1 else { return }
  try compare(
    [(path, manifestChecksum(path))], of: .weights, communicator: communicator)
}

/// "xxh64 " and the hash of a checkpoint's manifest, hexadecimal.
func manifestChecksum(_ path: String) -> String {
  guard
    let bytes = FileManager.default.contents(atPath: "\(path)/\(Manifest.fileName)")
  else { return "unreadable" }
  return "xxh64 " + String(bytes.withUnsafeBytes { xxh64($0) }, radix: 16)
}
