import MessagePassing

/// The way of one bucket through the ranks: to the owners of its slices, and back.
///
/// Between ranks that see each other's memory a token goes instead of values.
struct BucketExchange {
  let range: Range<Int>
  /// By rank.
  let slices: [Range<Int>]
  /// This rank's.
  let own: Range<Int>
  /// Adds to an element's index to find it where it arrived by message.
  let arrivalShift: Int
  let scatterReceives, scatterSends, gatherReceives, gatherSends: Exchange

  /// What stays the same over all buckets.
  struct Layout {
    var communicator: Communicator
    /// This rank's stack of subtrees: entry `i` at `stack + i · stride`.
    var stack: UnsafeMutablePointer<Float>
    var stride: Int
    /// The whole vector, reduced.
    var result: UnsafeMutablePointer<Float>
    /// Ranks whose memory is read directly.
    var isShared: [Bool]
    /// How many subtrees each rank has.
    var rootCounts: [Int]
    /// By rank and subtree, where element 0 of all its buckets' arrivals lies.
    var arrivals: [[UnsafeMutablePointer<Float>]]
  }

  /// - Parameter arrived: how many elements of the buckets before arrive in this rank's slices.
  init(_ range: Range<Int>, arrived: Int, _ layout: Layout) throws(MPIError) {
    let communicator = layout.communicator
    let (me, size) = (communicator.rank, communicator.size)
    let slices = ReductionBuckets.slices(of: range, count: size)
    let own = slices[me]
    // Everybody begins with the next rank, so that not all write to rank 0 at once.
    let peers = (1..<size).map { (me + $0) % size }

    // Tag 0 is the gather's; a subtree's is one more than its index among its rank's.
    var scatterSends: [Exchange.Message] = []
    var scatterReceives: [Exchange.Message] = []
    var gatherSends: [Exchange.Message] = []
    var gatherReceives: [Exchange.Message] = []
    for peer in peers {
      let theirs = slices[peer]
      guard !layout.isShared[peer] else {
        func token(_ tag: Int) -> Exchange.Message {
          .token(peer: peer, tag: tag, place: layout.result)
        }
        if !theirs.isEmpty {
          scatterSends.append(token(1))
          gatherReceives.append(token(0))
        }
        if !own.isEmpty {
          scatterReceives.append(token(1))
          gatherSends.append(token(0))
        }
        continue
      }
      for index in 0..<layout.rootCounts[me] {
        scatterSends.append(
          .init(
            peer: peer, tag: index + 1,
            values: layout.stack + index * layout.stride + theirs.lowerBound, count: theirs.count))
      }
      for index in 0..<layout.rootCounts[peer] {
        scatterReceives.append(
          .init(
            peer: peer, tag: index + 1, values: layout.arrivals[peer][index] + arrived,
            count: own.count))
      }
      gatherSends.append(
        .init(peer: peer, tag: 0, values: layout.result + own.lowerBound, count: own.count))
      gatherReceives.append(
        .init(peer: peer, tag: 0, values: layout.result + theirs.lowerBound, count: theirs.count))
    }
    func exchange(sends: [Exchange.Message] = [], receives: [Exchange.Message] = [])
      throws(MPIError) -> Exchange
    {
      try Exchange(sends: sends, receives: receives, communicator: communicator)
    }
    self.range = range
    self.slices = slices
    self.own = own
    arrivalShift = arrived - own.lowerBound
    self.scatterReceives = try exchange(receives: scatterReceives)
    self.scatterSends = try exchange(sends: scatterSends)
    self.gatherReceives = try exchange(receives: gatherReceives)
    self.gatherSends = try exchange(sends: gatherSends)
  }
}
