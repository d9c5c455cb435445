import Tensors

extension Manifest: Codable {
  public init(from decoder: any Decoder) throws {
    try self.init(json: JSONValue(from: decoder), file: Self.fileName, limits: CheckpointLimits())
  }

  public func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }

  /// The manifest as the file holds it, without the checksum line.
  public var json: JSONValue {
    [
      "format": .string(Self.formatName),
      "version": .integer(Self.currentVersion),
      "step": .integer(step),
      "epoch": .integer(epoch),
      "position": .integer(position),
      "recipe": recipe,
      "graph": graph,
      "metrics": .object(metrics.mapValues { .number($0) }),
      "state": state,
      "libraries": .object(libraries.mapValues { .string($0) }),
      "writer": [
        "world_size": .integer(writer.worldSize),
        "details": .object(writer.details.mapValues { .string($0) }),
      ],
      "shards": .array(
        shards.enumerated().map { index, shard in
          ["file": .string(Self.shardFileName(index)), "length": .integer(shard.byteCount)]
        }),
      "tensors": .array(tensors.map(Self.json)),
    ]
  }

  private static func json(_ tensor: TensorRecord) -> JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(tensor.name),
      "role": .string(tensor.role.rawValue),
      "dtype": .string(tensor.dtype.rawValue),
      "shape": .array(tensor.shape.extents.map { .integer($0) }),
      "shard": .string(shardFileName(tensor.shard)),
      "encoding": .string(tensor.encoding.rawValue),
      "frames": .array(
        tensor.frames.map { frame in
          [
            "offset": .integer(frame.offset), "length": .integer(frame.length),
            "raw_length": .integer(frame.rawLength), "xxh64": .string(hexText(frame.xxh64)),
          ]
        }),
    ]
    if let base = tensor.base { members["base"] = .string(base.rawValue) }
    return .object(members)
  }

  /// Reads and checks a manifest; `file` is what errors call it.
  init(json: JSONValue, file: String, limits: CheckpointLimits) throws(CheckpointError) {
    let top = ManifestField(value: json, place: .manifest, file: file)
    try Self.checkVersion(top)
    step = try top["step"].count(atMost: limits.count)
    epoch = try top["epoch"].count(atMost: limits.count)
    position = try top["position"].count(atMost: limits.count)
    recipe = try top["recipe"].value
    graph = try top["graph"].value
    state = try top["state"].value
    metrics = [:]
    // bounded: a dictionary
    for (name, field) in try top["metrics"].members() { metrics[name] = try field.double() }
    libraries = try top["libraries"].strings()
    writer = WriterNote(
      worldSize: try top["writer"]["world_size"].count(atMost: limits.count),
      details: try top["writer"]["details"].strings())

    shards = []
    for (index, field) in try top["shards"].elements().enumerated() {
      // The name is fixed by the index, so no file outside the folder can be named.
      let name = try field["file"]
      guard name.value.string == Self.shardFileName(index) else {
        throw name.wrong("\"\(Self.shardFileName(index))\"")
      }
      shards.append(ShardRecord(byteCount: try field["length"].count()))
    }

    let fields = try top["tensors"].elements()
    guard fields.count <= limits.tensorCount else {
      throw .limit(
        file: file, found: "\(fields.count) tensors", limit: "\(limits.tensorCount)")
    }
    tensors = []
    tensors.reserveCapacity(fields.count)
    var keys = Set<TensorKey>()
    var rawByteCount = 0
    // bounded: names by their index
    let shardIndices = Dictionary(
      uniqueKeysWithValues: shards.indices.map { (Self.shardFileName($0), $0) })
    for field in fields {
      let tensor = try Self.tensor(
        field, shards: shards, shardIndices: shardIndices, limits: limits)
      guard keys.insert(tensor.key).inserted else {
        throw field.wrong("each name and role once, not \(tensor.key) again")
      }
      // Each is at most `tensorByteCount`, and the sum is checked at each step: no overflow.
      rawByteCount += tensor.rawByteCount  // bounded: both are at most a limit
      guard rawByteCount <= limits.rawByteCount else {
        throw .limit(
          file: file, found: "more than \(byteText(limits.rawByteCount)) of tensors",
          limit: byteText(limits.rawByteCount))
      }
      tensors.append(tensor)
    }
    try checkBases(file: file)
    try checkTiling(file: file)
    try checkExpansion(limits, file: file)
  }

  /// A small file must not ask for much memory; see `CheckpointLimits.expansion`.
  func checkExpansion(_ limits: CheckpointLimits, file: String) throws(CheckpointError) {
    // What tiles a shard file is bounded by the frames' own limits, so the sum cannot overflow.
    let (expanded, overflow) = limits.expansion.multipliedReportingOverflow(by: shardByteCount)
    let (room, isEndless) = expanded.addingReportingOverflow(limits.smallRawByteCount)
    guard overflow || isEndless || rawByteCount <= room else {
      throw .limit(
        file: file,
        found: "\(byteText(rawByteCount)) of tensors in \(byteText(shardByteCount)) of shard files",
        limit: "\(byteText(room)), \(limits.expansion) times as much and "
          + byteText(limits.smallRawByteCount))
    }
  }

  /// Refuses what is no manifest of ours, or one of another version, before anything else.
  static func checkVersion(_ top: ManifestField) throws(CheckpointError) {
    let format = try top["format"]
    guard format.value.string == formatName else { throw format.wrong("\"\(formatName)\"") }
    let version = try top["version"].value
    // bounded: a number of this program
    guard let number = version.int, (1...currentVersion).contains(number) else {
      throw .version(file: top.file, found: version.lineText, known: currentVersion)
    }
  }

  private static func tensor(
    _ field: ManifestField, shards: [ShardRecord], shardIndices: [String: Int],
    limits: CheckpointLimits
  ) throws(CheckpointError) -> TensorRecord {
    let name = try field["name"].label()
    let role = TensorRole(rawValue: try field["role"].label())
    var field = field
    field.place = .tensor(field.place, name: name, role: role)
    let dtypeField = try field["dtype"]
    guard let dtype = DType(rawValue: try dtypeField.string()) else {
      throw dtypeField.wrong("one of " + DType.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let encodingField = try field["encoding"]
    guard let encoding = TensorEncoding(rawValue: try encodingField.string()), encoding.fits(dtype)
    else {
      throw encodingField.wrong(
        "plain, planes for elements of 2, 4 or 8 bytes, float-planes or difference-planes for floats"
      )
    }
    var base: TensorRole?
    if encoding == .differencePlanes {
      base = TensorRole(rawValue: try field["base"].label())
    } else if field.value["base"] != nil {
      throw try field["base"].wrong("no such key but for difference-planes")
    }
    let shardField = try field["shard"]
    // bounded: a dictionary
    guard let shard = shardIndices[try shardField.string()] else {
      throw shardField.wrong("one of the \(shards.count) files under \"shards\"")
    }

    let shapeField = try field["shape"]
    var extents: [Int] = []
    for extent in try shapeField.elements() { extents.append(try extent.count()) }
    guard extents.count <= 32 else { throw shapeField.wrong("at most 32 extents") }
    let shape = Shape(extents)
    let (byteCount, overflow) = (shape.checkedElementCount ?? .max)
      .multipliedReportingOverflow(by: dtype.byteCount)
    guard !overflow, byteCount <= limits.tensorByteCount else {
      throw .limit(
        file: field.file, found: "\(field.place) has the shape \(shape) of \(dtype.rawValue)",
        limit: byteText(limits.tensorByteCount))
    }

    var frames: [FrameRecord] = []
    var rawSum = 0
    for frameField in try field["frames"].elements() {
      let frame = try Self.frame(
        // bounded: an index that the dictionary gave
        frameField, shardByteCount: shards[shard].byteCount, dtype: dtype)
      rawSum += frame.rawLength
      guard rawSum <= byteCount else { break }
      frames.append(frame)
    }
    guard rawSum == byteCount else {
      throw .damaged(
        file: field.file,
        found: "\(field.place): the raw lengths of its frames add up to "
          + (rawSum > byteCount ? "more" : "\(rawSum) bytes"),
        expected: "\(byteCount) bytes for \(shape) of \(dtype.rawValue)")
    }
    return TensorRecord(
      name: name, role: role, dtype: dtype, shape: shape, shard: shard, encoding: encoding,
      base: base, frames: frames)
  }

  private static func frame(
    _ field: ManifestField, shardByteCount: Int, dtype: DType
  ) throws(CheckpointError) -> FrameRecord {
    let frame = FrameRecord(
      offset: try field["offset"].count(), length: try field["length"].count(),
      rawLength: try field["raw_length"].count(), xxh64: try field["xxh64"].hash())
    // bounded: the offset was compared just before
    guard frame.offset <= shardByteCount, frame.length <= shardByteCount - frame.offset else {
      throw field.wrong("a run inside the \(shardByteCount) bytes of its shard file")
    }
    guard frame.rawLength > 0, frame.rawLength <= maximumFrameRawLength,
      frame.rawLength % dtype.byteCount == 0
    else {
      throw field.wrong("1 to \(maximumFrameRawLength) raw bytes in whole elements")
    }
    let maximumLength = maximumFrameLength(rawLength: frame.rawLength)
    guard frame.length > 0, frame.length <= maximumLength else {
      throw field.wrong("a length from 1 to \(maximumLength)")
    }
    return frame
  }

  /// A difference needs a tensor that is none, of the same name, form, file and runs of elements.
  private func checkBases(file: String) throws(CheckpointError) {
    guard tensors.contains(where: { $0.base != nil }) else { return }
    // bounded: refused before if a key came twice
    let records = Dictionary(uniqueKeysWithValues: tensors.map { ($0.key, $0) })
    for tensor in tensors {
      guard let role = tensor.base else { continue }
      let key = TensorKey(name: tensor.name, role: role)
      // bounded: a dictionary
      guard let base = records[key], base.base == nil, base.shape == tensor.shape,
        base.dtype == tensor.dtype, base.shard == tensor.shard,
        base.frames.map(\.rawLength) == tensor.frames.map(\.rawLength)
      else {
        throw .damaged(
          file: file, found: "\(tensor.key) is stored as the difference to \(key)",
          expected: "a tensor of the same shape, type, shard and frames that is no difference")
      }
    }
  }

  /// Every byte of every shard file belongs to exactly one frame.
  private func checkTiling(file: String) throws(CheckpointError) {
    var runs = [[Range<Int>]](repeating: [], count: shards.count)
    for tensor in tensors {
      // bounded: each frame was held against its shard file
      runs[tensor.shard] += tensor.frames.map { $0.offset..<$0.offset + $0.length }
    }
    for (index, shard) in shards.enumerated() {
      var end = 0
      // bounded: one for each shard file
      for run in runs[index].sorted(by: { $0.lowerBound < $1.lowerBound }) {
        guard run.lowerBound == end else {
          throw .damaged(
            file: file,
            found: "a frame of \(Self.shardFileName(index)) starts at byte \(run.lowerBound)"
              + (run.lowerBound < end ? ", inside another" : ", after a gap"),
            expected: "byte \(end)")
        }
        end = run.upperBound
      }
      guard end == shard.byteCount else {
        throw .damaged(
          file: file, found: "the frames of \(Self.shardFileName(index)) end at byte \(end)",
          expected: "its length, \(shard.byteCount)")
      }
    }
  }
}

/// Whether a text can name a tensor: not empty, not long, no control characters.
func isLabel(_ text: String) -> Bool {
  guard (1...1024).contains(text.utf8.count) else { return false }
  return text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
    || text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
}

/// 16 lower-case hexadecimal digits.
func hexText(_ hash: UInt64) -> String {
  let text = String(hash, radix: 16)
  return String(repeating: "0", count: 16 - text.utf8.count) + text
}

/// The number that `hexText` writes so, and in no other way.
func hexValue(_ text: String) -> UInt64? {
  guard text.utf8.count == 16 else { return nil }
  var value: UInt64 = 0
  for byte in text.utf8 {
    switch byte {
    case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)  // bounded: 16 digits in 64 bits
    // bounded: 16 digits in 64 bits
    case 0x61...0x66: value = value << 4 | UInt64(byte - 0x61 + 10)
    default: return nil
    }
  }
  return value
}
