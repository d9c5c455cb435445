/// Which tensors go into which shard file.
///
/// It depends on the names, sizes and order of the tensors alone, never on who writes, so any number
/// of ranks can share the files and the result has the same bytes.
public struct ShardPlan: Hashable, Sendable {
  /// Ranges of tensor indices, one per shard file.
  public let shards: [Range<Int>]

  /// Raw bytes beyond which this program begins a new file.
  public static let shardByteCount = 16 << 20

  /// A file is closed before a tensor that would take it beyond `shardByteCount` raw bytes. A
  /// tensor is never divided, nor are neighbours of one name, so that an average lies in the file of
  /// what it is the average of.
  public init(
    _ tensors: some Sequence<(name: String, byteCount: Int)>,
    shardByteCount: Int = ShardPlan.shardByteCount
  ) {
    var shards: [Range<Int>] = []
    var (start, sum) = (0, 0)
    // The tensors of one name that have come last: where they begin, and their bytes.
    var (name, first, groupSum, count) = (String?.none, 0, 0, 0)
    func close() {
      if first > start, sum + groupSum > shardByteCount {
        shards.append(start..<first)
        (start, sum) = (first, 0)
      }
      sum += groupSum
    }
    for tensor in tensors {
      if tensor.name != name {
        close()
        (name, first, groupSum) = (tensor.name, count, 0)
      }
      groupSum += tensor.byteCount
      count += 1
    }
    close()
    if start < count { shards.append(start..<count) }
    self.shards = shards
  }

  /// The part of the files that writer `index` of `count` makes: a contiguous run, as even as whole
  /// files allow.
  public func share(_ index: Int, of count: Int) -> CheckpointShare {
    precondition(index >= 0 && index < count, "share \(index) of \(count)")
    let run = shards.count * index / count..<shards.count * (index + 1) / count
    return CheckpointShare(
      index: index, count: count, shards: run, shardCount: shards.count,
      tensors: run.isEmpty
        ? 0..<0 : shards[run.lowerBound].lowerBound..<shards[run.upperBound - 1].upperBound)
  }
}

/// What one of several writers of a checkpoint contributes.
public struct CheckpointShare: Hashable, Sendable {
  public let index: Int
  public let count: Int
  /// Its shard files, and the number of all.
  public let shards: Range<Int>
  public let shardCount: Int
  /// Indices of its tensors in the order of the plan.
  public let tensors: Range<Int>
}

extension CheckpointContents {
  /// The same contents with tensors of one name side by side, names in the order in which they first
  /// occur: the order in which checkpoints hold them.
  public func groupedByName() -> CheckpointContents {
    var places: [String: Int] = [:]
    var order: [(place: Int, index: Int)] = []
    for (index, tensor) in tensors.enumerated() {
      let place = places[tensor.name, default: places.count]
      places[tensor.name] = place
      order.append((place, index))
    }
    order.sort { ($0.place, $0.index) < ($1.place, $1.index) }
    var grouped = self
    grouped.tensors = order.map { tensors[$0.index] }
    return grouped
  }
}
