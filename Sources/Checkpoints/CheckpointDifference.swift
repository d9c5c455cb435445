import Tensors

/// What differs between two checkpoints, in everything but who wrote them.
public struct CheckpointDifference: Hashable, Sendable, Codable {
  /// Nothing differs: neither the manifest's values nor a bit of a tensor.
  public var identical: Bool
  /// Values of the manifests, by their place: `recipe.optimizer.lr`.
  public var manifest: [ManifestDifference]
  /// Tensors that only the first or only the second holds.
  public var onlyInFirst: [TensorKey]
  public var onlyInSecond: [TensorKey]
  /// Tensors in both whose bits differ.
  public var tensors: [TensorDifference]
  /// Tensors in both whose bits are equal.
  public var equalTensorCount: Int
}

/// One value that two manifests do not share; `nil` on the side that lacks it.
public struct ManifestDifference: Hashable, Sendable, Codable {
  public var place: String
  public var first: JSONValue?
  public var second: JSONValue?
}

/// Compares two checkpoints: step, epoch, position, recipe, graph, metrics, state, libraries, and
/// every tensor bit by bit. The writer's note is left out, and so is how tensors are stored.
///
/// - Throws: `CheckpointError` if one of them cannot be read or fails a checksum.
public func difference(
  _ first: CheckpointReader, _ second: CheckpointReader
) throws(CheckpointError) -> CheckpointDifference {
  let manifest = differences(
    in: comparedValues(first.manifest), comparedValues(second.manifest))
  // bounded: the manifest was refused if a key came twice
  let others = Dictionary(uniqueKeysWithValues: second.manifest.tensors.map { ($0.key, $0) })
  let keys = Set(first.manifest.tensors.map(\.key))

  // bounded: a dictionary
  let onlyInFirst = first.manifest.tensors.map(\.key).filter { others[$0] == nil }
  // bounded: a dictionary
  let shared = first.manifest.tensors.filter { others[$0.key] != nil }
  // A tensor at a time on each thread; the second checkpoint's files are opened as needed.
  let found = try first.mapTensors(shared) {
    (record, a) throws(CheckpointError) -> TensorDifference? in
    let other = others[record.key]!  // bounded: the shared ones are in it
    guard other.shape == record.shape, other.dtype == record.dtype else {
      return TensorDifference(
        record.key,
        mismatch: "\(record.shape) of \(record.dtype.rawValue), "
          + "\(other.shape) of \(other.dtype.rawValue)")
    }
    // The checksums of the raw bytes were compared on reading; equal ones of equal runs still leave
    // the second's files to be read, for they may be damaged.
    return difference(a, try second.read(other), key: record.key)
  }
  let tensors = found.compactMap { $0 }
  let equal = found.count - tensors.count  // bounded: a part of it
  let onlyInSecond = second.manifest.tensors.map(\.key).filter { !keys.contains($0) }
  return CheckpointDifference(
    identical: manifest.isEmpty && onlyInFirst.isEmpty && onlyInSecond.isEmpty && tensors.isEmpty,
    manifest: manifest, onlyInFirst: onlyInFirst, onlyInSecond: onlyInSecond, tensors: tensors,
    equalTensorCount: equal)
}

/// The values of two JSON texts that differ, by place, in the order of the places.
///
/// Objects are compared key by key and arrays of one length element by element; anything else as a
/// whole. A trainer uses it to say which recipe keys a checkpoint was written with.
public func differences(in first: JSONValue, _ second: JSONValue) -> [ManifestDifference] {
  var found: [ManifestDifference] = []
  collect(first, second, place: "", into: &found)
  return found
}

private func comparedValues(_ manifest: Manifest) -> JSONValue {
  var values = manifest.json.object ?? [:]
  // bounded: a dictionary
  for key in ["writer", "tensors", "shards", "format", "version"] { values[key] = nil }
  return .object(values)
}

private func collect(
  _ first: JSONValue?, _ second: JSONValue?, place: String,
  into found: inout [ManifestDifference]
) {
  switch (first, second) {
  case (.object(let a), .object(let b)):
    for key in Set(a.keys).union(b.keys).sorted() {
      // bounded: dictionaries
      collect(a[key], b[key], place: place.isEmpty ? key : place + "." + key, into: &found)
    }
  case (.array(let a), .array(let b)) where a.count == b.count:
    // bounded: both have that many
    for i in a.indices { collect(a[i], b[i], place: "\(place)[\(i)]", into: &found) }
  case (.number(let a), .number(let b)) where a.isNaN && b.isNaN:
    return
  default:
    if first != second {
      found.append(ManifestDifference(place: place, first: first, second: second))
    }
  }
}
