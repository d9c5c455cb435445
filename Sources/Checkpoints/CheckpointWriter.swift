import Tensors

/// Writes checkpoints of one run so that each is either whole or not there.
///
/// A checkpoint is written to a temporary folder beside its place; files and folder are brought to
/// the disk; then the folder is renamed and its parent brought to the disk. Only after that does
/// retention remove old ones. What goes wrong before the rename leaves every earlier checkpoint as
/// it was.
public struct CheckpointWriter: Sendable {
  public let store: CheckpointStore
  /// zstd's level. 1 is fast; byte planes leave little for higher levels to find.
  public var level: Int
  public var retention: RetentionPolicy
  /// Whether to read everything back, checksum by checksum, before the rename.
  public var verifiesBeforeCommit: Bool
  /// Raw bytes after which a new shard file is begun.
  package var shardByteCount = 64 << 20
  package var checksSpace = true

  public init(
    runFolder: String, level: Int = 1, retention: RetentionPolicy = .all,
    verifiesBeforeCommit: Bool = false
  ) {
    store = CheckpointStore(runFolder: runFolder)
    self.level = level
    self.retention = retention
    self.verifiesBeforeCommit = verifiesBeforeCommit
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
    let folder = store.folder
    let path = store.path(step: contents.step)
    let temporary = joined(
      folder, CheckpointStore.temporaryPrefix + CheckpointStore.folderName(step: contents.step))
    if !isFolder(folder) {
      try makeFolders(folder)
      try syncFolder(store.runFolder)
    }
    try removeTree(temporary)
    if checksSpace { try checkSpace(for: contents) }

    let manifest: Manifest
    let outcome: CheckpointCommit.Outcome
    do throws(CheckpointError) {
      manifest = try writeFolder(temporary, contents)
      let reader = try CheckpointReader(path: temporary)
      if verifiesBeforeCommit, let problem = reader.problems().first {
        throw CheckpointError.damaged(
          file: temporary, found: "what was just written reads back wrong (\(problem))",
          expected: "the bytes that were written; check the disk")
      }
      outcome = try commit(temporary, to: path, manifest)
    } catch {
      try? removeTree(temporary)
      throw error
    }
    return CheckpointCommit(
      path: path, outcome: outcome, rawByteCount: manifest.rawByteCount,
      storedByteCount: manifest.shardByteCount, removed: try prune(committed: contents.step))
  }

  private func checkNames(_ contents: CheckpointContents) {
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

  private func checkSpace(for contents: CheckpointContents) throws(CheckpointError) {
    // Nothing compressed is larger than its raw bytes by more than this; the manifest takes a few
    // hundred bytes a tensor.
    let raw = contents.tensors.reduce(0) { $0 + $1.tensor.byteCount }
    let needed = raw + raw / 128 + contents.tensors.count * 1024 + 64 << 10
    let available = try availableByteCount(store.folder)
    guard available >= needed else {
      throw .noSpace(
        path: store.folder, neededByteCount: needed, availableByteCount: available)
    }
  }

  private func writeFolder(
    _ path: String, _ contents: CheckpointContents
  ) throws(CheckpointError) -> Manifest {
    try makeFolders(path)
    var manifest = Manifest(
      step: contents.step, epoch: contents.epoch, position: contents.position,
      recipe: contents.recipe, graph: contents.graph, metrics: contents.metrics,
      state: contents.state, libraries: contents.libraries, writer: contents.writer, shards: [],
      tensors: [])
    let plan = ShardPlan(
      tensorByteCounts: contents.tensors.map(\.tensor.byteCount), shardByteCount: shardByteCount)
    let encoder = try FrameEncoder(level: level)
    for (index, range) in plan.shards.enumerated() {
      let file = try OutputFile(path: joined(path, Manifest.shardFileName(index)))
      for item in contents.tensors[range] {
        let encoding = TensorEncoding.preferred(for: item.tensor.dtype)
        manifest.tensors.append(
          TensorRecord(
            name: item.name, role: item.role, dtype: item.tensor.dtype, shape: item.tensor.shape,
            shard: index, encoding: encoding,
            frames: try encoder.append(item.tensor, encoding: encoding, to: file)))
      }
      try file.finish()
      manifest.shards.append(ShardRecord(byteCount: file.byteCount))
    }
    let file = try OutputFile(path: joined(path, Manifest.fileName))
    let bytes = ManifestFile.bytes(of: manifest.json)
    try bytes.withUnsafeBytes { bytes in
      Result { () throws(CheckpointError) in try file.append(bytes) }
    }.get()
    try file.finish()
    try syncFolder(path)
    return manifest
  }

  private func commit(
    _ temporary: String, to path: String, _ manifest: Manifest
  ) throws(CheckpointError) -> CheckpointCommit.Outcome {
    guard isFolder(path) else {
      try move(temporary, to: path)
      try syncFolder(store.folder)
      return .written
    }
    var isWhole = false
    if let old = try? CheckpointReader(path: path), old.problems().isEmpty {
      isWhole = true
      if let difference = tensorDifference(old.manifest, manifest) {
        throw .conflict(path: path, difference: difference)
      }
      if old.manifest == manifest {
        try removeTree(temporary)
        return .unchanged
      }
    }
    if !exchange(temporary, path) {
      // A file system that cannot exchange two folders in one step: a whole checkpoint must not
      // be away even for a moment, so it stays, with its older notes.
      if isWhole {
        try removeTree(temporary)
        return .unchanged
      }
      let old = joined(
        store.folder,
        CheckpointStore.temporaryPrefix + "replaced-"
          + CheckpointStore.folderName(step: manifest.step))
      try removeTree(old)
      try move(path, to: old)
      try move(temporary, to: path)
      try syncFolder(store.folder)
      try removeTree(old)
      return .replaced
    }
    try syncFolder(store.folder)
    try removeTree(temporary)
    return .replaced
  }

  /// The first tensor that two manifests describe with different contents, in words.
  private func tensorDifference(_ old: Manifest, _ new: Manifest) -> String? {
    func contents(_ record: TensorRecord) -> [UInt64] {
      record.frames.flatMap { [UInt64($0.rawLength), $0.xxh64] }
    }
    let found = Dictionary(uniqueKeysWithValues: old.tensors.map { ($0.key, $0) })
    guard old.tensors.count == new.tensors.count else {
      return "\(old.tensors.count) tensors there, \(new.tensors.count) here"
    }
    for record in new.tensors {
      guard let other = found[record.key] else { return "it has no \(record.key)" }
      guard other.shape == record.shape, other.dtype == record.dtype,
        contents(other) == contents(record)
      else { return "\(record.key) differs" }
    }
    return nil
  }

  /// Removes what the retention rule lets go, and returns the paths.
  private func prune(committed: Int) throws(CheckpointError) -> [String] {
    var removed: [String] = []
    if retention.keepLast != nil {
      for entry in retention.expendable(try store.list(), committed: committed) {
        try store.remove(step: entry.step)
        removed.append(entry.path)
      }
    }
    return removed
  }
}

/// What `CheckpointWriter.write` did.
public struct CheckpointCommit: Hashable, Sendable {
  public enum Outcome: String, Hashable, Sendable {
    /// The step was not saved before.
    case written
    /// A damaged checkpoint, or one with the same tensors and older notes, was replaced.
    case replaced
    /// The same checkpoint was there already.
    case unchanged
  }

  public let path: String
  public let outcome: Outcome
  public let rawByteCount: Int
  public let storedByteCount: Int
  /// The folders that retention removed.
  public let removed: [String]
}
