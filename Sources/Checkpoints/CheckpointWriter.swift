import Tensors

/// Writes checkpoints of one run so that each is either whole or not there.
///
/// A checkpoint is written to a temporary folder beside its place; files and folder are brought to
/// the disk; then the folder is renamed and its parent brought to the disk. Only after that does
/// retention remove old ones. What goes wrong before the rename leaves every earlier checkpoint as
/// it was.
public struct CheckpointWriter: Sendable {
  public let store: CheckpointStore
  /// zstd's level, for what is compressed at all. 1 is fast; higher ones find little more.
  public var level: Int
  public var retention: RetentionPolicy
  /// Whether to read everything back, checksum by checksum, before the rename.
  public var verifiesBeforeCommit: Bool
  /// How many threads compress and write; each makes a shard file at a time.
  public var threads: Int
  /// Raw bytes after which a new shard file is begun.
  package var shardByteCount = ShardPlan.shardByteCount
  /// Raw bytes of a tensor after which a new frame is begun: what a core's own cache holds.
  package var frameRawLength = 256 << 10
  package var checksSpace = true
  /// Part of the names of temporary folders, different for each job on a run's folder: a writer of an
  /// earlier job that was out of reach for a while and lives on must not write into the folders of
  /// this one. The same on all ranks.
  public var attempt = ""
  /// How long to wait for another writer's share.
  package var shareSeconds = 120.0

  public init(
    runFolder: String, level: Int = 1, retention: RetentionPolicy = .all,
    verifiesBeforeCommit: Bool = false, threads: Int = availableProcessorCount
  ) {
    precondition(threads >= 1, "\(threads) threads")
    store = CheckpointStore(runFolder: runFolder)
    self.level = level
    self.retention = retention
    self.verifiesBeforeCommit = verifiesBeforeCommit
    self.threads = threads
  }

  /// Writes `contents` as the checkpoint of its step.
  ///
  /// Where the step is saved already: a damaged folder is replaced; a whole one with the same
  /// tensors is replaced if anything else differs (metrics that came later, say) and left alone
  /// otherwise; a whole one with other tensors is never touched.
  ///
  /// - Precondition: names are 1 to 1024 bytes without control characters; each name and role
  ///   occurs once.
  /// - Throws: `CheckpointError`: `.noSpace`, `.conflict`, `.system`.
  @discardableResult
  public func write(_ contents: CheckpointContents) throws(CheckpointError) -> CheckpointCommit {
    checkNames(contents)
    let contents = contents.groupedByName()
    try prepare(
      step: contents.step, tensorCount: contents.tensors.count,
      rawByteCount: contents.tensors.reduce(0) { $0 + $1.tensor.byteCount })
    return try cleaningUp(contents.step) { () throws(CheckpointError) in
      var manifest = manifest(of: contents)
      let written = try writeShards(
        contents.tensors, from: 0, to: temporaryPath(step: contents.step))
      (manifest.shards, manifest.tensors) = (written.shards, written.tensors)
      return try finish(manifest)
    }
  }

  // MARK: - Parts of a write

  func temporaryPath(step: Int) -> String {
    joined(
      store.folder,
      CheckpointStore.temporaryPrefix + CheckpointStore.folderName(step: step)
        + (attempt.isEmpty ? "" : "-" + attempt))
  }

  /// Makes the empty temporary folder in which the checkpoint of `step` will be written, and checks
  /// that the disk has room for so many raw bytes.
  ///
  /// - Throws: `CheckpointError`: `.noSpace`, `.system`.
  public func prepare(
    step: Int, tensorCount: Int, rawByteCount: Int
  ) throws(CheckpointError) {
    try makeFolders(store.folder)
    // An earlier process may have made the folders and ended before it synced them. Once there is a
    // checkpoint, they are on the disk.
    if try store.steps().isEmpty { try syncFolders(above: store.folder) }
    let path = temporaryPath(step: step)
    try removeTree(path)
    if checksSpace { try checkSpace(tensorCount: tensorCount, rawByteCount: rawByteCount) }
    try makeFolders(path)
  }

  func cleaningUp<Value>(
    _ step: Int, _ body: () throws(CheckpointError) -> Value
  ) throws(CheckpointError) -> Value {
    do throws(CheckpointError) {
      return try body()
    } catch {
      try? removeTree(temporaryPath(step: step))
      throw error
    }
  }

  func manifest(of contents: CheckpointContents) -> Manifest {
    Manifest(
      step: contents.step, epoch: contents.epoch, position: contents.position,
      recipe: contents.recipe, graph: contents.graph, metrics: contents.metrics,
      state: contents.state, libraries: contents.libraries, writer: contents.writer, shards: [],
      tensors: [])
  }

  /// Writes and syncs the shard files of `tensors`, the first of them number `first`.
  func writeShards(
    _ tensors: [CheckpointTensor], from first: Int, to path: String
  ) throws(CheckpointError) -> (shards: [ShardRecord], tensors: [TensorRecord]) {
    // A plan of tensors that begin with a file is that part of the plan of all.
    let plan = ShardPlan(
      tensors.lazy.map { ($0.name, $0.tensor.byteCount) }, shardByteCount: shardByteCount)
    let written = try concurrentMap(count: plan.shards.count, threads: threads) {
      () throws(CheckpointError) in
      try FrameEncoder(level: level, frameRawLength: frameRawLength)
    } _: { (encoder, index) throws(CheckpointError) in
      let file = try OutputFile(path: joined(path, Manifest.shardFileName(first + index)))
      let members = tensors[plan.shards[index]]
      var records: [TensorRecord] = []
      for (place, item) in zip(members.indices, members) {
        // Neighbours of one name lie before it; see `groupedByName`.
        let namesakes = members[..<place].reversed().prefix { $0.name == item.name }
        let base = item.role.baseRoles.lazy
          .compactMap { role in namesakes.first { $0.role == role } }.first
        records.append(
          try encoder.append(item, base: base, shard: first + index, to: file))
      }
      try file.finish()
      return (ShardRecord(byteCount: file.byteCount), records)
    }
    return (written.map(\.0), written.flatMap(\.1))
  }

  /// Writes the manifest, brings the temporary folder to the disk, gives it its name, and removes
  /// what retention lets go.
  func finish(_ manifest: Manifest) throws(CheckpointError) -> CheckpointCommit {
    let temporary = temporaryPath(step: manifest.step)
    let path = store.path(step: manifest.step)
    let file = joined(temporary, Manifest.fileName)
    let bytes = ManifestFile.bytes(of: manifest.json)
    // What a reader would refuse shall not be written.
    let limits = CheckpointLimits()
    guard bytes.count <= limits.manifestByteCount else {
      throw .limit(
        file: file, found: byteText(bytes.count), limit: byteText(limits.manifestByteCount))
    }
    try manifest.checkExpansion(limits, file: file)
    try writeFile(bytes, to: file)
    try syncFolder(temporary)
    if verifiesBeforeCommit,
      let problem = verify(path: temporary, threads: threads).problems.first
    {
      throw CheckpointError.damaged(
        file: temporary, found: "what was just written reads back wrong (\(problem))",
        expected: "the bytes that were written; check the disk")
    }
    let outcome = try commit(temporary, to: path, manifest)
    return CheckpointCommit(
      path: path, outcome: outcome, rawByteCount: manifest.rawByteCount,
      storedByteCount: manifest.shardByteCount, removed: try prune(committed: manifest.step))
  }

  func checkNames(_ contents: CheckpointContents) {
    precondition(
      contents.step >= 0 && contents.epoch >= 0 && contents.position >= 0,
      "step \(contents.step), epoch \(contents.epoch), position \(contents.position)")
    var keys = Set<TensorKey>()
    for tensor in contents.tensors {
      let key = TensorKey(name: tensor.name, role: tensor.role)
      precondition(
        isLabel(key.name) && isLabel(key.role.rawValue), "\(key) is no name for a tensor")
      precondition(keys.insert(key).inserted, "two tensors are called \(key)")
    }
  }

  private func checkSpace(tensorCount: Int, rawByteCount raw: Int) throws(CheckpointError) {
    // Nothing compressed is larger than its raw bytes by more than this; the manifest takes a few
    // hundred bytes a tensor, and one a frame.
    let needed = raw + raw / 128 + tensorCount * 1024 + raw / frameRawLength * 256 + 64 << 10
    let available = try availableByteCount(store.folder)
    guard available >= needed else {
      throw .noSpace(
        path: store.folder, neededByteCount: needed, availableByteCount: available)
    }
  }
}
