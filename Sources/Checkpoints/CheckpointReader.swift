public import Tensors

/// Reads one checkpoint. Opening it reads and checks the manifest and the shard files' lengths;
/// tensors are read, and their checksums compared, when asked for.
public struct CheckpointReader: Sendable {
  /// The checkpoint's folder.
  public let path: String
  public let manifest: Manifest
  public let limits: CheckpointLimits

  /// - Throws: `CheckpointError` that names the file and what was expected there.
  public init(
    path: String, limits: CheckpointLimits = CheckpointLimits()
  ) throws(CheckpointError) {
    self.path = path
    self.limits = limits
    let file = joined(path, Manifest.fileName)
    let bytes = try InputFile.bytes(file, limit: limits.manifestByteCount)
    manifest = try Manifest(
      json: try ManifestFile.json(bytes, file: file), file: file, limits: limits)
    for (index, shard) in manifest.shards.enumerated() {
      try checkShardFile(index, byteCount: shard.byteCount, in: path)
    }
  }

  /// The tensor of that name and role.
  ///
  /// - Throws: `CheckpointError.noTensor` if there is none; `.damaged` if it fails its checks.
  public func read(_ name: String, role: TensorRole) throws(CheckpointError) -> Tensor {
    guard let record = manifest.tensors.first(where: { $0.name == name && $0.role == role })
    else { throw .noTensor(path: path, name: name, role: role.rawValue) }
    return try read(record)
  }

  /// The tensor of one record of this manifest.
  public func read(_ record: TensorRecord) throws(CheckpointError) -> Tensor {
    var result: Tensor?
    try forEach([record]) { (decoder, file, record) throws(CheckpointError) in
      result = try decoder.tensor(record, from: file)
    }
    return result!
  }

  /// All tensors whose record passes `isIncluded`, in the manifest's order.
  public func readTensors(
    where isIncluded: (TensorRecord) -> Bool = { _ in true }
  ) throws(CheckpointError) -> [CheckpointTensor] {
    var result: [CheckpointTensor] = []
    try forEach(manifest.tensors.filter(isIncluded)) {
      (decoder, file, record) throws(CheckpointError) in
      result.append(
        CheckpointTensor(
          name: record.name, role: record.role,
          tensor: try decoder.tensor(record, from: file)))
    }
    return result
  }

  /// Everything the checkpoint holds, every checksum compared.
  public func readAll() throws(CheckpointError) -> CheckpointContents {
    CheckpointContents(
      step: manifest.step, epoch: manifest.epoch, position: manifest.position,
      recipe: manifest.recipe, graph: manifest.graph, metrics: manifest.metrics,
      state: manifest.state, libraries: manifest.libraries, writer: manifest.writer,
      tensors: try readTensors())
  }

  /// Every problem in the shard files, one sentence each; empty if every checksum is right.
  func problems() -> [String] {
    var problems: [String] = []
    do {
      try forEach(manifest.tensors) { (decoder, file, record) throws(CheckpointError) in
        do throws(CheckpointError) {
          try decoder.verify(record, in: file)
        } catch {
          problems.append(error.description)
        }
      }
    } catch {
      problems.append(error.description)
    }
    return problems
  }

  /// Calls `body` for each record with its opened shard file and one decoder for all.
  func forEach(
    _ records: [TensorRecord],
    _ body: (FrameDecoder, InputFile, TensorRecord) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let decoder = try FrameDecoder()
    var opened: (index: Int, file: InputFile)?
    for record in records {
      if opened?.index != record.shard {
        let file = try InputFile(path: joined(path, Manifest.shardFileName(record.shard)))
        opened = (record.shard, file)
      }
      try body(decoder, opened!.file, record)
    }
  }
}

/// Checks that a shard file is there and has the length that the manifest says.
func checkShardFile(
  _ index: Int, byteCount: Int, in path: String
) throws(CheckpointError) {
  let file = joined(path, Manifest.shardFileName(index))
  guard let found = try fileByteCount(file) else {
    throw .damaged(file: file, found: "it is missing", expected: "\(byteCount) bytes")
  }
  guard found == byteCount else {
    throw .damaged(file: file, found: "it has \(found) bytes", expected: "\(byteCount)")
  }
}
