public import MessagePassing
import Tensors

/// Sums and maxima over all shards, with the same bits for every world size.
///
/// The vector has `sumCount` elements that are added and `maximumCount` that are maximized. Both
/// are combined along `ShardTree`, a fixed binary tree over the shard index:
///
/// 1. `add` combines this rank's shards as far as the tree allows; what is left are the largest
///    subtrees inside its run of shards: one if the world size is a power of two that divides the
///    shard count, a few otherwise.
/// 2. Each rank owns a slice of the vector. `finish` sends every other rank its slice of each
///    subtree, and combines the subtrees of its own slice in the order of the tree.
/// 3. The finished slices are exchanged, so that every rank has the whole vector.
///
/// With one subtree per rank each rank sends (P-1)/P of the vector in either exchange, like a ring.
/// All memory and all messages are planned in `init`; a step allocates nothing.
///
/// **NaN.** A NaN in any shard gives NaN, in sums and in maxima, and always with the bits of
/// `Float.nan`. Of +0 and -0 a maximum keeps the one of the higher shard.
public final class OrderedReduction {
  /// The shards this rank computes and must `add`.
  public let shards: Range<Int>
  public let assignment: ShardAssignment
  public let sumCount: Int
  public let maximumCount: Int
  /// What this rank sends in one `finish`, both exchanges together.
  public let sentByteCount: Int

  private let stride: Int

  /// Step 1: entry `i` of the stack is `stack + i · stride`.
  private let stackMemory: AlignedBuffer
  private let stack: UnsafeMutablePointer<Float>
  /// After each shard of the run: how many times the top two entries are combined.
  private let combinesAfterShard: [Int]
  private let rootCount: Int
  private var depth = 0
  private var nextShard: Int

  /// Step 2: my slice of the other ranks' subtrees, from left to right.
  private let slice: Range<Int>
  private let arrivalMemory: AlignedBuffer
  /// What to add to what, in the order of the tree; the sum over all shards ends in `firstNode`.
  private let merges: [(left: UnsafeMutablePointer<Float>, right: UnsafeMutablePointer<Float>)]
  private let firstNode: UnsafeMutablePointer<Float>
  private let scatter: Exchange
  /// Step 3: the whole result is gathered in entry 0 of the stack.
  private let gather: Exchange

  /// Plans a reduction of `sumCount` + `maximumCount` values over `shardCount` shards.
  ///
  /// *Collective*, with the same counts on every rank.
  ///
  /// *Throws* `TooManyRanks`, `MPIError`.
  public init(
    communicator: Communicator, shardCount: Int, sumCount: Int, maximumCount: Int
  ) throws {
    precondition(sumCount >= 0 && maximumCount >= 0, "\(sumCount) sums, \(maximumCount) maxima")
    let worldSize = communicator.size
    let me = communicator.rank
    let assignment = try ShardAssignment(shardCount: shardCount, worldSize: worldSize)
    for count in [shardCount, sumCount, maximumCount] {
      let all = try communicator.allGather(UInt64(count))
      precondition(
        all.allSatisfy { $0 == all[0] }, "the ranks plan different reductions: \(all)")
    }
    let run = assignment.shards(of: me)
    let total = sumCount + maximumCount

    let roots = (0..<worldSize).map {
      ShardTree.maximalNodes(inside: assignment.shards(of: $0), shardCount: shardCount)
    }
    combinesAfterShard = ShardTree.combinesAfterLeaves(
      leaves: run.map { $0..<$0 + 1 }, roots: roots[me])
    rootCount = roots[me].count
    // Entries begin on a cache line of their own.
    let stride = (total + 15) / 16 * 16
    let entryCount = ShardTree.stackDepth(combinesAfterShard)
    stackMemory = AlignedBuffer(byteCount: entryCount * stride * MemoryLayout<Float>.stride)
    let stack = stackMemory.base.assumingMemoryBound(to: Float.self)

    let slices = Self.slices(of: total, count: worldSize)
    let slice = slices[me]
    let sliceStride = (slice.count + 15) / 16 * 16
    let arriving = roots.reduce(0) { $0 + $1.count } - rootCount
    arrivalMemory = AlignedBuffer(byteCount: arriving * sliceStride * MemoryLayout<Float>.stride)
    var arrival = arrivalMemory.base.assumingMemoryBound(to: Float.self)

    // Tag 0 is the gather's; a subtree's is one more than its index among its rank's.
    // `nodes` is my slice of all subtrees from left to right, my own inside `stack`.
    var nodes: [UnsafeMutablePointer<Float>] = []
    var scatterReceives: [Exchange.Message] = []
    for rank in 0..<worldSize {
      for index in roots[rank].indices {
        if rank == me {
          nodes.append(stack + index * stride + slice.lowerBound)
        } else {
          nodes.append(arrival)
          scatterReceives.append(
            .init(peer: rank, tag: index + 1, values: arrival, count: slice.count))
          arrival += sliceStride
        }
      }
    }
    // Everybody begins with the next rank, so that not all write to rank 0 at once.
    let peers = (1..<worldSize).map { (me + $0) % worldSize }
    let scatterSends = peers.flatMap { peer in
      roots[me].indices.map { index in
        Exchange.Message(
          peer: peer, tag: index + 1, values: stack + index * stride + slices[peer].lowerBound,
          count: slices[peer].count)
      }
    }
    let gatherSends = peers.map {
      Exchange.Message(peer: $0, tag: 0, values: stack + slice.lowerBound, count: slice.count)
    }
    let gatherReceives = peers.map {
      Exchange.Message(
        peer: $0, tag: 0, values: stack + slices[$0].lowerBound, count: slices[$0].count)
    }
    scatter = try Exchange(
      sends: scatterSends, receives: scatterReceives, communicator: communicator)
    gather = try Exchange(sends: gatherSends, receives: gatherReceives, communicator: communicator)
    let combinesAfterNode = ShardTree.combinesAfterLeaves(
      leaves: roots.flatMap { $0 }, roots: [0..<shardCount])
    var merges: [(left: UnsafeMutablePointer<Float>, right: UnsafeMutablePointer<Float>)] = []
    var open: [UnsafeMutablePointer<Float>] = []
    for (node, combines) in zip(nodes, combinesAfterNode) {
      open.append(node)
      for _ in 0..<combines {
        let right = open.removeLast()
        merges.append((left: open[open.count - 1], right: right))
      }
    }

    sentByteCount =
      (scatterSends + gatherSends).reduce(0) { $0 + $1.count } * MemoryLayout<Float>.size
    self.assignment = assignment
    self.sumCount = sumCount
    self.maximumCount = maximumCount
    self.stride = stride
    self.stack = stack
    self.slice = slice
    self.merges = merges
    firstNode = nodes[0]
    shards = run
    nextShard = run.upperBound
  }

  /// Begins a step: forgets all that was added.
  public func begin() {
    depth = 0
    nextShard = shards.lowerBound
  }

  /// Takes in the `sumCount` sums and `maximumCount` maxima of `shard`, in ascending order of the
  /// shards.
  public func add(shard: Int, sums: UnsafePointer<Float>, maxima: UnsafePointer<Float>) {
    precondition(
      shard == nextShard && shards.contains(shard),
      "shard \(shard) was added, expected \(nextShard) of \(shards); call begin() first")
    nextShard += 1
    let combines = combinesAfterShard[shard - shards.lowerBound]
    if combines == 0 {
      let entry = stack + depth * stride
      entry.update(from: sums, count: sumCount)
      (entry + sumCount).update(from: maxima, count: maximumCount)
      depth += 1
      return
    }
    let top = stack + (depth - 1) * stride
    addElements(top, sums, count: sumCount)
    maximizeElements(top + sumCount, maxima, count: maximumCount)
    for _ in 1..<combines {
      depth -= 1
      combine(stack + (depth - 1) * stride, stack + depth * stride, 0..<sumCount + maximumCount)
    }
  }

  /// Gives every rank the sums and maxima over all shards.
  ///
  /// *Collective.* The results may be written where the last shard's values were read.
  public func finish(
    sums: UnsafeMutablePointer<Float>, maxima: UnsafeMutablePointer<Float>
  ) throws(MPIError) {
    precondition(
      nextShard == shards.upperBound && depth == rootCount,
      "the shards \(nextShard..<shards.upperBound) were not added")
    depth = 0
    nextShard = shards.upperBound

    try scatter.start()
    try scatter.wait()
    for (left, right) in merges { combine(left, right, slice) }
    let result = stack + slice.lowerBound
    if firstNode != result { result.update(from: firstNode, count: slice.count) }
    canonicalizeNaNs(result, count: slice.count)

    try gather.start()
    try gather.wait()
    sums.update(from: stack, count: sumCount)
    maxima.update(from: stack + sumCount, count: maximumCount)
  }

  /// Combines the elements `range` of the vector: `a` and `b` point to the first of them.
  private func combine(
    _ a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, _ range: Range<Int>
  ) {
    let sums = range.clamped(to: 0..<sumCount).count
    addElements(a, b, count: sums)
    maximizeElements(a + sums, b + sums, count: range.count - sums)
  }

  /// Cuts 0 ..< `total` into `count` slices that begin on whole cache lines; the last ones may be
  /// empty.
  private static func slices(of total: Int, count: Int) -> [Range<Int>] {
    let lines = (total + 15) / 16
    let length = (lines + count - 1) / count * 16
    return (0..<count).map { min($0 * length, total)..<min(($0 + 1) * length, total) }
  }
}
