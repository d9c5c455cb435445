public import Tensors

/// Reads one checkpoint. Opening it reads and checks the manifest and the shard files' lengths;
/// tensors are read, and their checksums compared, when asked for.
public struct CheckpointReader: Sendable {
  /// The checkpoint's folder.
  public let path: String
  public let manifest: Manifest
  public let limits: CheckpointLimits
  /// How many threads read tensors.
  public var threads: Int
  private let records: [TensorKey: TensorRecord]

  /// - Throws: `CheckpointError` that names the file and what was expected there.
  public init(
    path: String, limits: CheckpointLimits = CheckpointLimits(),
    threads: Int = availableProcessorCount
  ) throws(CheckpointError) {
    self.path = path
    self.limits = limits
    self.threads = threads
    let file = joined(path, Manifest.fileName)
    let bytes = try InputFile.bytes(file, limit: limits.manifestByteCount)
    manifest = try Manifest(
      json: try ManifestFile.json(bytes, file: file), file: file, limits: limits)
    for (index, shard) in manifest.shards.enumerated() {
      try checkShardFile(index, byteCount: shard.byteCount, in: path)
    }
    // bounded: the manifest was refused if a key came twice
    records = Dictionary(uniqueKeysWithValues: manifest.tensors.map { ($0.key, $0) })
  }

  /// What the manifest says about the tensor of that name and role.
  public func record(_ name: String, role: TensorRole) -> TensorRecord? {
    records[TensorKey(name: name, role: role)]  // bounded: a dictionary
  }

  /// The tensor of that name and role.
  ///
  /// - Throws: `CheckpointError.noTensor` if there is none; `.damaged` if it fails its checks.
  public func read(_ name: String, role: TensorRole) throws(CheckpointError) -> Tensor {
    guard let record = record(name, role: role) else {
      throw .noTensor(path: path, name: name, role: role.rawValue)
    }
    return try read(record)
  }

  /// The tensor of one record of this manifest.
  public func read(_ record: TensorRecord) throws(CheckpointError) -> Tensor {
    let shard = try ShardCursor(path: path)
    return try shard.decoder.tensor(
      record, base: base(of: record), from: try shard.file(record.shard))
  }

  /// All tensors whose record passes `isIncluded`, in the manifest's order.
  public func readTensors(
    where isIncluded: (TensorRecord) -> Bool = { _ in true }
  ) throws(CheckpointError) -> [CheckpointTensor] {
    try mapTensors(manifest.tensors.filter(isIncluded)) { record, tensor in
      CheckpointTensor(name: record.name, role: record.role, tensor: tensor)
    }
  }

  /// Everything the checkpoint holds, or of the tensors those whose record passes `isIncluded`; every
  /// checksum of these is compared.
  public func readAll(
    where isIncluded: (TensorRecord) -> Bool = { _ in true }
  ) throws(CheckpointError) -> CheckpointContents {
    CheckpointContents(
      step: manifest.step, epoch: manifest.epoch, position: manifest.position,
      recipe: manifest.recipe, graph: manifest.graph, metrics: manifest.metrics,
      state: manifest.state, libraries: manifest.libraries, writer: manifest.writer,
      tensors: try readTensors(where: isIncluded))
  }

  /// `body` of each record and its tensor, in the order of the records; on `threads` threads, and no
  /// tensor is kept longer than its own call and those of the tensors stored as differences to it.
  // bounded: indices of the groups made of these records
  func mapTensors<Value>(
    _ records: [TensorRecord],
    _ body: @Sendable (TensorRecord, Tensor) throws(CheckpointError) -> Value
  ) throws(CheckpointError) -> [Value] {
    let groups = groups(of: records)
    let found = try concurrentMap(count: groups.count, threads: threads) {
      () throws(CheckpointError) in
      try ShardCursor(path: path)
    } _: { (cursor, index) throws(CheckpointError) in
      let group = groups[index]
      let first = records[group[0]]
      let file = try cursor.file(first.shard)
      let tensor = try cursor.decoder.tensor(first, base: base(of: first), from: file)
      var values = [try body(first, tensor)]
      for other in group.dropFirst() {
        let record = records[other]
        values.append(
          try body(
            record, try cursor.decoder.tensor(record, base: first, read: tensor, from: file)))
      }
      return values
    }
    var result = [Value?](repeating: nil, count: records.count)
    for (group, values) in zip(groups, found) {
      for (index, value) in zip(group, values) { result[index] = value }
    }
    return result.map { $0! }
  }

  /// Statistics and histogram of each record's tensor, frame by frame.
  // bounded: an index of the records
  func surveys(of records: [TensorRecord]) throws(CheckpointError) -> [TensorSurvey] {
    try concurrentMap(count: records.count, threads: threads) {
      () throws(CheckpointError) in
      try ShardCursor(path: path)
    } _: { (cursor, index) throws(CheckpointError) in
      let record = records[index]
      let (file, base) = (try cursor.file(record.shard), base(of: record))
      var survey = TensorSurvey()
      try cursor.decoder.forEachFrame(of: record, base: base, from: file) {
        survey.look($0, record.dtype)
      }
      survey.lookAgain()
      try cursor.decoder.forEachFrame(of: record, base: base, from: file) {
        survey.measure($0, record.dtype)
      }
      survey.finish()
      return survey
    }
  }

  /// Every problem in the shard files, one sentence each; empty if every checksum is right.
  func problems() -> [String] {
    let records = manifest.tensors
    let groups = groups(of: records)
    do {
      return try concurrentMap(count: groups.count, threads: threads) {
        () throws(CheckpointError) in
        try ShardCursor(path: path)
      } _: { (cursor, index) throws(CheckpointError) in
        var problems: [String] = []
        // bounded: indices of the groups made of these records
        let group = groups[index].map { records[$0] }
        cursor.decoder.verify(
          group[0], dependents: Array(group.dropFirst()), in: try cursor.file(group[0].shard)
        ) { problems.append($0.description) }
        return problems
      }.flatMap { $0 }
    } catch {
      return [error.description]
    }
  }

  private func base(of record: TensorRecord) -> TensorRecord? {
    record.base.flatMap { self.record(record.name, role: $0) }
  }

  /// Indices of the records, those first that others among them are differences to, each followed by
  /// these; a record whose base is not among them stands alone.
  // bounded: a dictionary, and places that it gave
  private func groups(of records: [TensorRecord]) -> [[Int]] {
    var places: [TensorKey: Int] = [:]
    for record in records where record.base == nil {
      places[record.key] = places.count
    }
    var groups = [[Int]](repeating: [], count: places.count)
    var rest: [Int] = []
    for (index, record) in records.enumerated() {
      if record.base == nil { groups[places[record.key]!].append(index) }
    }
    for (index, record) in records.enumerated() {
      guard let base = record.base else { continue }
      if let place = places[TensorKey(name: record.name, role: base)] {
        groups[place].append(index)
      } else {
        rest.append(index)
      }
    }
    return groups + rest.map { [$0] }
  }
}

/// One thread's decoder and the shard file it has open.
final class ShardCursor {
  let decoder: FrameDecoder
  private let path: String
  private var opened: (index: Int, file: InputFile)?

  init(path: String) throws(CheckpointError) {
    self.path = path
    decoder = try FrameDecoder()
  }

  func file(_ index: Int) throws(CheckpointError) -> InputFile {
    if let opened, opened.index == index { return opened.file }
    let file = try InputFile(path: joined(path, Manifest.shardFileName(index)))
    opened = (index, file)
    return file
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
