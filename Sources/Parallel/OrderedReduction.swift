public import MessagePassing
import Tensors

/// Sums and maxima over all shards, with the same bits for every world size.
///
/// The vector has `sumCount` elements that are added and `maximumCount` that are maximized. Both
/// are combined along `ShardTree`, a fixed binary tree over the shard index:
///
/// 1. Each rank combines its own shards as far as the tree allows; what is left are the largest
///    subtrees inside its run of shards: one if the world size is a power of two that divides the
///    shard count, a few otherwise.
/// 2. Each rank owns a slice of the vector: it takes this slice of every other rank's subtrees, and
///    combines them with its own in the order of the tree.
/// 3. The finished slices are exchanged, so that every rank has the whole vector.
///
/// With one subtree per rank each rank gives (P-1)/P of the vector in either exchange, like a ring.
/// Ranks on one host read each other's memory and send tokens alone; others send the values.
///
/// **Overlap.** The vector is cut into buckets, from its end to its beginning. While the backward
/// pass of the rank's last shard goes on, `advance` gives each bucket away as soon as it is final and
/// moves the ones before it on. No call waits but `finish`. MPI makes no progress by itself; asking
/// between two pieces of the backward pass needs no second thread on the core that computes it.
///
/// All memory and all messages are planned in `init`; a step allocates nothing.
///
/// **NaN.** A NaN in any shard gives NaN, in sums and in maxima, and always with the bits of
/// `Float.nan`. Of +0 and -0 a maximum keeps the one of the higher shard.
public final class OrderedReduction {
  /// The shards this rank computes and must bring.
  public let shards: Range<Int>
  public let assignment: ShardAssignment
  public let sumCount: Int
  public let maximumCount: Int
  /// So many of the sums become final while the shard is computed, from the last one to the first.
  public let gradientCount: Int
  /// What leaves this rank in one step, both exchanges together, by message or by being read.
  public let sentByteCount: Int

  private let vector: ReducedVector
  private let stride: Int
  private let isAlone: Bool

  /// The result, then the stack of step 1: entry `i` is `stack + i · stride`. Alone, the result is
  /// entry 0.
  private let memory: SharedMemory
  private let result: UnsafeMutablePointer<Float>
  private let stack: UnsafeMutablePointer<Float>
  /// The others' results, where they can be read.
  private let peerResults: [UnsafePointer<Float>?]
  /// What comes by message.
  private let arrivalMemory: AlignedBuffer
  private let merge: TreeMerge
  private let buckets: [BucketExchange]

  /// After each shard of the run: how many times the top two entries are combined.
  private let combinesAfterShard: [Int]
  private let rootCount: Int
  private var depth = 0
  private var nextShard: Int

  // The shard at hand.
  private var shardSums, shardMaxima: UnsafePointer<Float>
  private var combines = 0
  private var isLastShard = false
  /// Its values stay where they are until `finish` is over.
  private var isKept = false
  // How many buckets of it are combined with the rank's; and how many of the last shard's are given
  // away, merged, and back from all ranks.
  private var taken, offered, merged, gathered: Int
  private var isReceiving = false

  /// Plans a reduction of `sumCount` + `maximumCount` values over `shardCount` shards.
  ///
  /// - Parameters:
  ///   - gradientCount: how many of the sums become final during the backward pass.
  ///   - bucketLength: elements, a multiple of 16; the same on every rank, like the following.
  ///   - isShared: `false` sends values to ranks on the same host too.
  ///
  /// *Collective*, with the same counts on every rank.
  ///
  /// *Throws* `TooManyRanks`, `MPIError`.
  package init(
    communicator: Communicator, shardCount: Int, sumCount: Int, maximumCount: Int,
    gradientCount: Int, bucketLength: Int?, isShared: Bool
  ) throws {
    precondition(
      sumCount >= gradientCount && gradientCount >= 0 && maximumCount >= 0,
      "\(sumCount) sums with \(gradientCount) gradients, \(maximumCount) maxima")
    let (me, worldSize) = (communicator.rank, communicator.size)
    let assignment = try ShardAssignment(shardCount: shardCount, worldSize: worldSize)
    for count in [shardCount, sumCount, maximumCount, gradientCount] {
      let all = try communicator.allGather(UInt64(count))
      precondition(
        all.allSatisfy { $0 == all[0] }, "the ranks plan different reductions: \(all)")
    }
    let run = assignment.shards(of: me)
    let vector = ReducedVector(sumCount: sumCount, maximumCount: maximumCount)

    // Step 1: entries begin on a cache line of their own.
    let roots = (0..<worldSize).map {
      ShardTree.maximalNodes(inside: assignment.shards(of: $0), shardCount: shardCount)
    }
    combinesAfterShard = ShardTree.combinesAfterLeaves(
      leaves: run.map { $0..<$0 + 1 }, roots: roots[me])
    rootCount = roots[me].count
    let line = ReductionBuckets.line
    let stride = (vector.count + line - 1) / line * line
    let entryCount = ShardTree.stackDepth(combinesAfterShard)
    isAlone = worldSize == 1
    memory = try SharedMemory(
      byteCount: (entryCount + (isAlone ? 0 : 1)) * stride * 4, communicator: communicator,
      isShared: isShared)
    let result = memory.base.assumingMemoryBound(to: Float.self)
    let stack = isAlone ? result : result + stride
    let peerMemory = memory.peers.map { $0?.assumingMemoryBound(to: Float.self) }
    peerResults = peerMemory.map { $0.map { UnsafePointer($0) } }

    // Step 2: where each rank's subtrees are for this rank.
    let ranges = ReductionBuckets.cut(
      gradientCount: gradientCount, total: vector.count, length: bucketLength)
    let ownCounts = ranges.map { ReductionBuckets.slices(of: $0, count: worldSize)[me].count }
    let room = ownCounts.reduce(0) { $0 + ($1 + line - 1) / line * line }
    let arriving = (0..<worldSize).filter { $0 != me && peerMemory[$0] == nil }
      .reduce(0) { $0 + roots[$1].count }
    arrivalMemory = AlignedBuffer(byteCount: arriving * room * 4)
    var arrival = arrivalMemory.base.assumingMemoryBound(to: Float.self)
    var arrivals: [[UnsafeMutablePointer<Float>]] = Array(repeating: [], count: worldSize)
    var sources: [TreeMerge.Source] = []
    for rank in 0..<worldSize {
      for index in roots[rank].indices {
        if rank == me {
          let isLastShard = index == rootCount - 1 && combinesAfterShard.last == 0
          sources.append(
            isLastShard ? .lastShard : .vector(UnsafePointer(stack + index * stride)))
        } else if let theirs = peerMemory[rank] {
          sources.append(.vector(UnsafePointer(theirs + (1 + index) * stride)))
        } else {
          sources.append(.arrival(UnsafePointer(arrival)))
          arrivals[rank].append(arrival)
          arrival += room
        }
      }
    }
    merge = TreeMerge(
      vector, sources: sources,
      combines: ShardTree.combinesAfterLeaves(
        leaves: roots.flatMap { $0 }, roots: [0..<shardCount]))

    let layout = BucketExchange.Layout(
      communicator: communicator, stack: stack, stride: stride, result: result,
      isShared: peerMemory.map { $0 != nil }, rootCounts: roots.map(\.count), arrivals: arrivals)
    var buckets: [BucketExchange] = []
    var arrived = 0
    var sent = 0
    for (range, own) in zip(ranges, ownCounts) {
      let bucket = try BucketExchange(range, arrived: arrived, layout)
      arrived += (own + line - 1) / line * line
      sent += (range.count - own) * rootCount + own * (worldSize - 1)
      buckets.append(bucket)
    }
    sentByteCount = sent * MemoryLayout<Float>.size
    self.buckets = buckets
    self.assignment = assignment
    self.sumCount = sumCount
    self.maximumCount = maximumCount
    self.gradientCount = gradientCount
    self.vector = vector
    self.stride = stride
    self.result = result
    self.stack = stack
    shards = run
    nextShard = run.upperBound
    (shardSums, shardMaxima) = (UnsafePointer(result), UnsafePointer(result))
    (taken, offered, merged, gathered) = (buckets.count, 0, 0, 0)
  }

  /// Plans a reduction of `sumCount` + `maximumCount` values over `shardCount` shards.
  ///
  /// - Parameter gradientCount: how many of the sums become final during the backward pass.
  ///
  /// *Collective*, with the same counts on every rank.
  ///
  /// *Throws* `TooManyRanks`, `MPIError`.
  public convenience init(
    communicator: Communicator, shardCount: Int, sumCount: Int, maximumCount: Int,
    gradientCount: Int = 0
  ) throws {
    try self.init(
      communicator: communicator, shardCount: shardCount, sumCount: sumCount,
      maximumCount: maximumCount, gradientCount: gradientCount, bucketLength: nil, isShared: true)
  }

  /// The sums over all shards after `finish`, until the next `begin`.
  public var sums: UnsafeMutablePointer<Float> { result }

  /// The maxima over all shards after `finish`, until the next `begin`.
  public var maxima: UnsafeMutablePointer<Float> { result + sumCount }

  /// Begins a step: forgets all that was brought.
  public func begin() {
    depth = 0
    nextShard = shards.lowerBound
    (taken, offered, merged, gathered) = (buckets.count, 0, 0, 0)
    isReceiving = false
  }

  // MARK: - The rank's own shards

  /// Takes in the `sumCount` sums and `maximumCount` maxima of `shard`, in ascending order of the
  /// shards. Nothing leaves this rank before `finish`.
  public func add(shard: Int, sums: UnsafePointer<Float>, maxima: UnsafePointer<Float>) {
    open(shard: shard, sums: sums, maxima: maxima)
    isKept = false
    while takeNext(finalFrom: 0) {}
  }

  /// Announces a shard whose values become final with the next calls of `advance`, in ascending
  /// order of the shards. They are read until `finish` is over.
  public func open(shard: Int, sums: UnsafePointer<Float>, maxima: UnsafePointer<Float>) {
    precondition(
      shard == nextShard && shards.contains(shard) && taken == buckets.count,
      "shard \(shard) was brought, expected \(nextShard) of \(shards); call begin() first")
    nextShard += 1
    (shardSums, shardMaxima) = (sums, maxima)
    combines = combinesAfterShard[shard - shards.lowerBound]
    isLastShard = nextShard == shards.upperBound
    isKept = true
    taken = 0
  }

  /// Says that the open shard's values from `watermark` on are final; they never change again.
  ///
  /// Of the rank's last shard, gives away what is final, and moves on what is on its way.
  public func advance(finalFrom watermark: Int) throws(MPIError) {
    guard isLastShard, !isAlone else {
      while takeNext(finalFrom: watermark) {}
      return
    }
    // One after another, so that the others find each bucket in the cache they share.
    while takeNext(finalFrom: watermark) {
      try offer()
      try poll()
    }
    try poll()
  }

  /// Combines the next bucket of the open shard with the rank's, if it is final.
  private func takeNext(finalFrom watermark: Int) -> Bool {
    guard taken < buckets.count, buckets[taken].range.lowerBound >= watermark else { return false }
    combineShard(taken)
    taken += 1
    if taken == buckets.count { depth += combines == 0 ? 1 : 1 - combines }
    return true
  }

  /// Combines a bucket of the open shard with the stack, which changes its depth after the last one.
  private func combineShard(_ index: Int) {
    let bucket = buckets[index]
    if combines == 0 {
      // Of a last shard that is merged as it is, only the other ranks need a copy.
      let kept =
        isReadInPlace(bucket) ? bucket.own : bucket.range.upperBound..<bucket.range.upperBound
      copyShard(bucket.range.lowerBound..<kept.lowerBound)
      copyShard(kept.upperBound..<bucket.range.upperBound)
      return
    }
    var start = bucket.range.lowerBound
    while start < bucket.range.upperBound {
      let block = start..<min(start + 2048, bucket.range.upperBound)
      let top = stack + (depth - 1) * stride
      let sums = max(0, min(block.upperBound, sumCount) - start)
      addElements(top + start, shardSums + start, into: top + start, count: sums)
      if block.count > sums {
        let first = start + sums
        maximizeElements(
          top + first, shardMaxima + (first - sumCount), into: top + first,
          count: block.count - sums)
      }
      for k in 1..<combines {
        let left = stack + (depth - 1 - k) * stride + start
        vector.combine(left, left + stride, into: left, block)
      }
      start = block.upperBound
    }
  }

  /// Whether this rank's slice of the bucket is merged from where the last shard left it.
  private func isReadInPlace(_ bucket: BucketExchange) -> Bool {
    isLastShard && isKept && !isAlone && bucket.range.upperBound <= sumCount
  }

  private func copyShard(_ range: Range<Int>) {
    let entry = stack + depth * stride
    let sums = range.clamped(to: 0..<sumCount)
    (entry + sums.lowerBound).update(from: shardSums + sums.lowerBound, count: sums.count)
    let maxima = range.clamped(to: sumCount..<vector.count)
    (entry + maxima.lowerBound).update(
      from: shardMaxima + (maxima.lowerBound - sumCount), count: maxima.count)
  }

  // MARK: - All ranks

  /// Gives the other ranks what this rank has combined.
  private func offer() throws(MPIError) {
    if !isReceiving {
      isReceiving = true
      for bucket in buckets {
        try bucket.scatterReceives.start()
        try bucket.gatherReceives.start()
      }
    }
    while offered < taken {
      try buckets[offered].scatterSends.start()
      offered += 1
    }
  }

  /// Does what can be done without waiting.
  private func poll() throws(MPIError) {
    while merged < offered, try buckets[merged].scatterReceives.isComplete() { try mergeNext() }
    while gathered < merged, try buckets[gathered].gatherReceives.isComplete() { gatherNext() }
  }

  /// Combines this rank's slice of the next bucket and gives it away.
  private func mergeNext() throws(MPIError) {
    let bucket = buckets[merged]
    // Whatever the last shard's place, its entry of the stack is the last root's.
    let lastShard =
      isReadInPlace(bucket) ? shardSums : UnsafePointer(stack + (rootCount - 1) * stride)
    merge.run(
      bucket.own, arrivalShift: bucket.arrivalShift, lastShard: lastShard, into: result)
    try bucket.gatherSends.start()
    merged += 1
  }

  /// Reads the slices that lie in other ranks' memory.
  private func gatherNext() {
    let bucket = buckets[gathered]
    for rank in peerResults.indices {
      guard let theirs = peerResults[rank] else { continue }
      let slice = bucket.slices[rank]
      (result + slice.lowerBound).update(from: theirs + slice.lowerBound, count: slice.count)
    }
    gathered += 1
  }

  /// Waits until `sums` and `maxima` are those over all shards.
  ///
  /// What other ranks read of this one they have read then: nobody says so before it has merged, or
  /// comes to the next step's merge before it has gathered.
  ///
  /// *Collective.*
  public func finish() throws(MPIError) {
    precondition(
      nextShard == shards.upperBound && taken == buckets.count && depth == rootCount,
      "the shards \(nextShard..<shards.upperBound) were not brought, or not to their end")
    depth = 0
    try offer()
    while gathered < buckets.count {
      let done = merged + gathered
      try poll()
      guard merged + gathered == done else { continue }
      if merged < buckets.count {
        try buckets[merged].scatterReceives.wait()
      } else {
        try buckets[gathered].gatherReceives.wait()
      }
    }
    for bucket in buckets {
      try bucket.scatterSends.wait()
      try bucket.gatherSends.wait()
    }
  }

  /// `finish`, and copies of the result, which may go where the last shard's values were read.
  ///
  /// *Collective.*
  public func finish(
    sums: UnsafeMutablePointer<Float>, maxima: UnsafeMutablePointer<Float>
  ) throws(MPIError) {
    try finish()
    sums.update(from: self.sums, count: sumCount)
    maxima.update(from: self.maxima, count: maximumCount)
  }
}
