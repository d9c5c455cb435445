/// Which tensors go into which shard file.
///
/// It depends on the sizes and the order of the tensors alone, never on who writes, so any number
/// of ranks can share the files and the result has the same bytes.
struct ShardPlan {
  /// Ranges of tensor indices, one per shard file.
  let shards: [Range<Int>]

  /// A file is closed before a tensor that would take it beyond `shardByteCount` raw bytes. A
  /// tensor is never divided, so a large one has a file of its own.
  init(tensorByteCounts: [Int], shardByteCount: Int) {
    var shards: [Range<Int>] = []
    var start = 0
    var sum = 0
    for (index, byteCount) in tensorByteCounts.enumerated() {
      if index > start, sum + byteCount > shardByteCount {
        shards.append(start..<index)
        start = index
        sum = 0
      }
      sum += byteCount
    }
    if start < tensorByteCounts.count { shards.append(start..<tensorByteCounts.count) }
    self.shards = shards
  }
}
