import Dispatch
import Foundation

/// Several writers of one checkpoint, each a process of its own, that share nothing but the folder.
///
/// One of them calls `prepare`; after that each writes its share, which ends with a file `part-000`
/// that lists what it has written; the first one waits for all parts, joins them, and commits. No
/// message passes between them, so all of this can go on behind the training.
extension CheckpointWriter {
  /// Writes one share of a checkpoint into the prepared folder.
  ///
  /// - Parameters:
  ///   - contents: its tensors are those of the share, in the order of the plan; all else counts on
  ///     the first writer only.
  /// - Returns: on the first writer, the commit; `nil` on the others, whose share is then on the disk.
  /// - Throws: what went wrong here; on the first writer, also what went wrong elsewhere.
  public func write(
    _ contents: CheckpointContents, share: CheckpointShare
  ) throws(CheckpointError) -> CheckpointCommit? {
    checkNames(contents)
    // bounded: of our own plan
    precondition(
      contents.tensors.count == share.tensors.count,
      "\(contents.tensors.count) tensors for a share of \(share.tensors.count)")
    let folder = temporaryPath(step: contents.step)
    guard share.index == 0 else {
      try waitForFolder(folder)
      var part = manifest(of: CheckpointContents(step: contents.step, epoch: 0, position: 0))
      do throws(CheckpointError) {
        try write(contents.tensors, share, to: folder, into: &part)
      } catch {
        // The first writer shall know why there will be no part; if even this cannot be written, it
        // finds out by waiting.
        part.state = ["error": .string(error.description)]
        try? writePart(part, share, to: folder)
        throw error
      }
      try writePart(part, share, to: folder)
      return nil
    }
    return try cleaningUp(contents.step) { () throws(CheckpointError) in
      var manifest = manifest(of: contents)
      try write(contents.tensors, share, to: folder, into: &manifest)
      // bounded: 1 or more
      for index in 1..<max(share.count, 1) {
        let part = try waitForPart(index, in: folder)
        if let error = part.state["error"]?.string {
          throw .share(path: folder, index: index, reason: error)
        }
        guard part.shards.count == manifest.shards.count else {
          throw .share(
            path: folder, index: index,
            reason: "it is of \(part.shards.count) shard files, not \(manifest.shards.count)")
        }
        for (shard, record) in part.shards.enumerated() where record.byteCount > 0 {
          manifest.shards[shard] = record  // bounded: as many as in the manifest
        }
        manifest.tensors += part.tensors  // bounded: a join
      }
      return try finish(manifest)
    }
  }

  private func write(
    _ tensors: [CheckpointTensor], _ share: CheckpointShare, to folder: String,
    into manifest: inout Manifest
  ) throws(CheckpointError) {
    let written = try writeShards(tensors, from: share.shards.lowerBound, to: folder)
    // bounded: of our own plan
    precondition(
      written.shards.count == share.shards.count,
      "\(written.shards.count) shard files for a share of \(share.shards)")
    manifest.shards = [ShardRecord](repeating: ShardRecord(byteCount: 0), count: share.shardCount)
    manifest.shards.replaceSubrange(share.shards, with: written.shards)
    manifest.tensors = written.tensors
  }

  private func partPath(_ index: Int, in folder: String) -> String {
    joined(folder, "part-" + padded(index, digits: 3))
  }

  private func writePart(
    _ part: Manifest, _ share: CheckpointShare, to folder: String
  ) throws(CheckpointError) {
    let path = partPath(share.index, in: folder)
    try writeFile(ManifestFile.bytes(of: part.json), to: path + ".partial")
    try move(path + ".partial", to: path)
  }

  private func waitForPart(_ index: Int, in folder: String) throws(CheckpointError) -> Manifest {
    let path = partPath(index, in: folder)
    guard waiting(until: { isFile(path) }) else {
      throw .share(
        path: folder, index: index,
        reason: "it has not appeared for \(Int(shareSeconds)) s; check that rank's disk, and that "
          + "all ranks see the same run folder")
    }
    var limits = CheckpointLimits()
    // A share may be what shrinks most; the whole is held against the limit.
    limits.expansion = .max
    let bytes = try InputFile.bytes(path, limit: limits.manifestByteCount)
    let manifest = try Manifest(
      json: try ManifestFile.json(bytes, file: path), file: path, limits: limits)
    try removeTree(path)
    return manifest
  }

  private func waitForFolder(_ folder: String) throws(CheckpointError) {
    guard waiting(until: { isFolder(folder) }) else {
      throw .system(
        path: folder, doing: "write to",
        reason:
          "the folder that rank 0 made is not seen here; all ranks must see the same run folder")
    }
  }

  /// Looks again and again, seldom enough for a file server, until `condition` holds or time is up.
  private func waiting(until condition: () -> Bool) -> Bool {
    let end = DispatchTime.now() + shareSeconds  // bounded: seconds of our own
    var pause = 0.001
    while !condition() {
      guard DispatchTime.now() < end else { return false }
      Thread.sleep(forTimeInterval: pause)
      pause = min(2 * pause, 0.1)  // bounded: seconds of our own
    }
    return true
  }
}
