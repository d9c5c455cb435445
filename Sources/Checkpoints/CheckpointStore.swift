/// The checkpoints of one run: the folders `checkpoints/step-…` in the run's folder.
public struct CheckpointStore: Sendable, Hashable {
  public let runFolder: String

  public init(runFolder: String) { self.runFolder = runFolder }

  /// The folder that holds the checkpoints.
  public var folder: String { joined(runFolder, "checkpoints") }

  /// Names that begin so are being written or removed; they are no checkpoints.
  static let temporaryPrefix = ".tmp-"

  /// The folder's name for a step: `step-00001200`.
  public static func folderName(step: Int) -> String { "step-" + padded(step, digits: 8) }

  public func path(step: Int) -> String { joined(folder, Self.folderName(step: step)) }

  /// The step in a folder's name, if `folderName` writes it so.
  static func step(folderName: String) -> Int? {
    guard folderName.hasPrefix("step-"), let step = Int(folderName.dropFirst(5)), step >= 0,
      Self.folderName(step: step) == folderName
    else { return nil }
    return step
  }

  /// The steps in the names of folders, whole or not.
  func steps() throws(CheckpointError) -> [Int] {
    try folderEntries(folder).compactMap(Self.step(folderName:))
  }

  /// All checkpoints, newest first.
  ///
  /// Cheap by default: manifests and file lengths are checked, checksums of tensors are not. With
  /// `isVerifying` every byte is read.
  public func list(isVerifying: Bool = false) throws(CheckpointError) -> [CheckpointEntry] {
    var entries: [CheckpointEntry] = []
    for name in try folderEntries(folder) {
      guard let step = Self.step(folderName: name) else { continue }
      entries.append(
        CheckpointEntry(step: step, path: joined(folder, name), isVerifying: isVerifying))
    }
    return entries.sorted { $0.step > $1.step }
  }

  /// The newest checkpoint all of whose checksums are right.
  ///
  /// - Parameter isUsable: says of a manifest why its checkpoint cannot be used, or `nil`.
  /// - Throws: `CheckpointError.noCheckpoint` if there are checkpoints and none is whole.
  /// - Returns: `nil` for a run that has no checkpoint yet; otherwise a reader, and for each newer
  ///   one that was passed over a sentence that says why.
  public func newestVerified(
    limits: CheckpointLimits = CheckpointLimits(),
    isUsable: (Manifest) -> String? = { _ in nil }
  ) throws(CheckpointError) -> VerifiedCheckpoint? {
    let steps = try self.steps().sorted(by: >)
    var skipped: [SkippedCheckpoint] = []
    for step in steps {
      do throws(CheckpointError) {
        let reader = try CheckpointReader(path: path(step: step), limits: limits)
        try checkStep(reader.manifest.step, step, path: reader.path)
        if let problem = isUsable(reader.manifest) ?? reader.problems().first {
          skipped.append(SkippedCheckpoint(path: reader.path, reason: problem))
        } else {
          return VerifiedCheckpoint(reader: reader, skipped: skipped)
        }
      } catch {
        skipped.append(SkippedCheckpoint(path: path(step: step), reason: error.description))
      }
    }
    if steps.isEmpty { return nil }
    throw .noCheckpoint(path: folder, skipped: skipped.map(\.reason))
  }

  /// Removes a checkpoint: first out of sight in one step, then from the disk.
  public func remove(step: Int) throws(CheckpointError) {
    let hidden = joined(
      folder, Self.temporaryPrefix + "removed-" + Self.folderName(step: step))
    try removeTree(hidden)
    try move(path(step: step), to: hidden)
    try removeTree(hidden)
  }

  /// Removes what interrupted writes and removals have left. Not to be called while another
  /// process writes to this run.
  public func removeLeftovers() throws(CheckpointError) {
    guard isFolder(folder) else { return }
    // What lies hidden here may, on the disk, still be a checkpoint: its writer may have ended
    // between a change of names and the sync.
    try syncFolder(folder)
    for name in try folderEntries(folder) where name.hasPrefix(Self.temporaryPrefix) {
      try removeTree(joined(folder, name))
    }
  }
}

/// A checkpoint that passed verification, and the newer ones that did not.
public struct VerifiedCheckpoint: Sendable {
  public let reader: CheckpointReader
  public let skipped: [SkippedCheckpoint]
}

/// A checkpoint that was passed over.
public struct SkippedCheckpoint: Hashable, Sendable, Codable {
  public let path: String
  /// One sentence.
  public let reason: String
}

/// One checkpoint in a list.
public struct CheckpointEntry: Hashable, Sendable, Codable {
  /// The step in the folder's name.
  public let step: Int
  public let path: String
  /// What the manifest says; `nil` if it cannot be read.
  public let summary: CheckpointSummary?
  /// Seconds since 1970 when the manifest was written.
  public let writtenSeconds: Double?
  /// Whether every checksum was compared.
  public let isVerified: Bool
  /// Why the checkpoint does not count; `nil` if nothing was found.
  public let problem: String?

  public var isComplete: Bool { problem == nil }

  init(step: Int, path: String, isVerifying: Bool) {
    self.step = step
    self.path = path
    writtenSeconds = modificationSeconds(joined(path, Manifest.fileName))
    isVerified = isVerifying
    do throws(CheckpointError) {
      let summary: CheckpointSummary
      var found: String?
      if isVerifying {
        let reader = try CheckpointReader(path: path)
        summary = CheckpointSummary(reader.manifest)
        found = reader.problems().first
      } else {
        summary = try CheckpointSummary(path: path)
      }
      try checkStep(summary.step, step, path: path)
      self.summary = summary
      problem = found
    } catch {
      summary = nil
      problem = error.description
    }
  }
}

/// A folder's name must not promise another step than its manifest.
private func checkStep(_ found: Int, _ expected: Int, path: String) throws(CheckpointError) {
  guard found == expected else {
    throw .damaged(
      file: joined(path, Manifest.fileName), found: "its step is \(found)",
      expected: "\(expected), as the folder's name says")
  }
}

/// The short facts of a checkpoint, read without its tensors, recipe or graph.
public struct CheckpointSummary: Hashable, Sendable, Codable {
  public let step: Int
  public let epoch: Int
  public let position: Int
  /// `phase` of the state: `float` or `qat` in a run of this program.
  public let phase: String?
  /// Of the checkpoint's own weights.
  public let metrics: [String: Double]
  public let worldSize: Int
  /// Bytes of the shard files.
  public let storedByteCount: Int

  init(_ manifest: Manifest) {
    step = manifest.step
    epoch = manifest.epoch
    position = manifest.position
    phase = manifest.state["phase"]?.string
    metrics = manifest.metrics
    worldSize = manifest.writer.worldSize
    storedByteCount = manifest.shardByteCount
  }

  /// Checks the manifest's checksum and the lengths of the shard files, nothing more.
  init(path: String) throws(CheckpointError) {
    let file = joined(path, Manifest.fileName)
    let limits = CheckpointLimits()
    let bytes = try InputFile.bytes(file, limit: limits.manifestByteCount)
    let json = try ManifestFile.json(
      bytes, file: file, leavingOut: ["tensors", "graph", "recipe"])
    let top = ManifestField(value: json, place: .manifest, file: file)
    try Manifest.checkVersion(top)
    step = try top["step"].count(atMost: limits.count)
    epoch = try top["epoch"].count(atMost: limits.count)
    position = try top["position"].count(atMost: limits.count)
    phase = try top["state"].value["phase"]?.string
    var metrics: [String: Double] = [:]
    // bounded: a dictionary
    for (name, field) in try top["metrics"].members() { metrics[name] = try field.double() }
    self.metrics = metrics
    worldSize = try top["writer"]["world_size"].count(atMost: limits.count)
    var sum = 0
    for (index, shard) in try top["shards"].elements().enumerated() {
      let byteCount = try shard["length"].count()
      try checkShardFile(index, byteCount: byteCount, in: path)
      // A file may have any length without holding a byte.
      // bounded: the sum is at most that limit
      guard byteCount <= limits.rawByteCount - sum else {
        throw .limit(
          file: file, found: "more than \(byteText(limits.rawByteCount)) of shard files",
          limit: byteText(limits.rawByteCount))
      }
      sum += byteCount  // bounded: just checked
    }
    storedByteCount = sum
  }
}
