import MessagePassing
import Parallel
import Tensors

/// One reduction of made-up shards, and what it must give.
struct ReductionCase {
  var shardCount: Int
  var sumCount: Int
  var maximumCount: Int
  var step: Int
  /// Puts a NaN, with a payload, and infinities of both signs into a few places.
  var hasNonFinite = false

  var name: String {
    "\(shardCount) shards, \(sumCount) sums, \(maximumCount) maxima, step \(step)"
      + (hasNonFinite ? ", non-finite" : "")
  }

  /// Small and large, odd and even, with more and with fewer values than ranks have slices.
  static let all: [ReductionCase] = [8, 7, 5, 13, 1].flatMap { shards in
    [(1, 0), (0, 3), (15, 2), (16, 0), (1000, 37), (20_011, 129)].flatMap { sums, maxima in
      [
        ReductionCase(shardCount: shards, sumCount: sums, maximumCount: maxima, step: 0),
        ReductionCase(
          shardCount: shards, sumCount: sums, maximumCount: maxima, step: 1, hasNonFinite: true),
        ReductionCase(shardCount: shards, sumCount: sums, maximumCount: maxima, step: 2),
      ]
    }
  }

  /// Values of either sign with magnitudes from 2⁻⁴⁰ to 2⁴⁰: any other order of adding shows.
  func values(shard: Int) -> (sums: [Float], maxima: [Float]) {
    var generator = Philox(
      seed: UInt64(shardCount), stream: UInt64(step), position: UInt64(shard))
    func draw(_ count: Int) -> [Float] {
      (0..<count).map { _ in
        let exponent = generator.integer(below: 81) - 40
        return generator.uniform(-1, 1) * Float(sign: .plus, exponent: exponent, significand: 1)
      }
    }
    var (sums, maxima) = (draw(sumCount), draw(maximumCount))
    if hasNonFinite {
      let payload = Float(bitPattern: 0xFFC0_1234 + UInt32(shard))
      for index in sums.indices where index % 11 == 5 && (index + shard) % 3 == 0 {
        sums[index] = payload
      }
      for index in sums.indices where index % 13 == 7 {
        sums[index] = shard % 2 == 0 ? .infinity : -.infinity
      }
      for index in maxima.indices where index % 5 == 2 && shard == shardCount / 2 {
        maxima[index] = payload
      }
      for index in maxima.indices where index % 7 == 1 { maxima[index] = -.infinity }
    }
    return (sums, maxima)
  }

  /// The plain definition: recursive over the shards, one element at a time.
  func reference() -> (sums: [Float], maxima: [Float]) {
    let shards = (0..<shardCount).map { values(shard: $0) }
    func tree(_ run: Range<Int>, _ value: (Int) -> Float, _ combine: (Float, Float) -> Float)
      -> Float
    {
      if run.count == 1 { return value(run.lowerBound) }
      var half = 1
      while half * 2 < run.count { half *= 2 }
      let middle = run.lowerBound + half
      return combine(
        tree(run.lowerBound..<middle, value, combine),
        tree(middle..<run.upperBound, value, combine))
    }
    func plain(_ x: Float) -> Float { x.isNaN ? .nan : x }
    let sums = (0..<sumCount).map { index in
      plain(tree(0..<shardCount, { shards[$0].sums[index] }, { $0 + $1 }))
    }
    let maxima = (0..<maximumCount).map { index in
      plain(
        tree(0..<shardCount, { shards[$0].maxima[index] }) { a, b in
          a.isNaN || b.isNaN ? .nan : max(a, b)
        })
    }
    return (sums, maxima)
  }

  /// This rank's part of the reduction through `reduction`; the results of all ranks together.
  func reduce(with reduction: OrderedReduction) throws -> (sums: [Float], maxima: [Float]) {
    reduction.begin()
    for shard in reduction.shards {
      let (sums, maxima) = values(shard: shard)
      reduction.add(shard: shard, sums: sums, maxima: maxima)
    }
    var sums = [Float](repeating: -7, count: sumCount)
    var maxima = [Float](repeating: -7, count: maximumCount)
    try reduction.finish(sums: &sums, maxima: &maxima)
    return (sums, maxima)
  }

  /// The same, with the values of a shard becoming final piece by piece from its end, in other pieces
  /// on every rank; what is not final yet is NaN.
  func reduceOverlapped(with reduction: OrderedReduction) throws -> (
    sums: [Float], maxima: [Float]
  ) {
    let room = UnsafeMutablePointer<Float>.allocate(capacity: sumCount + maximumCount + 1)
    defer { room.deallocate() }
    let G = reduction.gradientCount
    reduction.begin()
    for shard in reduction.shards {
      let (sums, maxima) = values(shard: shard)
      var random = Philox(seed: UInt64(shard), stream: UInt64(step), position: 9)
      (room + sumCount).update(from: maxima, count: maximumCount)
      (room + G).update(from: Array(sums[G...]), count: sumCount - G)
      room.update(repeating: .nan, count: G)
      reduction.open(shard: shard, sums: room, maxima: room + sumCount)
      var from = G
      try reduction.advance(finalFrom: from)
      while from > 0 {
        let lower = max(0, from - 1 - random.integer(below: max(1, G / 5)))
        (room + lower).update(from: Array(sums[lower..<from]), count: from - lower)
        from = lower
        try reduction.advance(finalFrom: from)
      }
    }
    try reduction.finish()
    return (
      Array(UnsafeBufferPointer(start: reduction.sums, count: sumCount)),
      Array(UnsafeBufferPointer(start: reduction.maxima, count: maximumCount))
    )
  }

  /// FNV-1a over the bits of both vectors, in hexadecimal.
  static func hash(_ result: (sums: [Float], maxima: [Float])) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for value in result.sums + result.maxima {
      for shift in [0, 8, 16, 24] as [UInt32] {
        hash = (hash ^ UInt64(value.bitPattern >> shift & 0xFF)) &* 0x100_0000_01B3
      }
    }
    return String(hash, radix: 16)
  }

  /// One line per case that `communicator` can run: its name and the hash of its result.
  ///
  /// Cases with the same counts share one reduction, so that a step that leaves traces shows.
  static func reportAll(_ communicator: Communicator) throws -> String {
    var lines: [String] = []
    var reduction: OrderedReduction?
    for one in all where one.shardCount >= communicator.size {
      if one.step == 0 {
        reduction = try OrderedReduction(
          communicator: communicator, shardCount: one.shardCount, sumCount: one.sumCount,
          maximumCount: one.maximumCount)
      }
      guard let reduction else { continue }
      lines.append("\(one.name): \(hash(try one.reduce(with: reduction)))")
    }
    return lines.joined(separator: "\n")
  }

  /// The same, overlapped, the vector in about seven buckets of which the last one is known early.
  static func reportOverlapped(_ communicator: Communicator, isShared: Bool) throws -> String {
    var lines: [String] = []
    var reduction: OrderedReduction?
    for one in all where one.shardCount >= communicator.size {
      if one.step == 0 {
        reduction = try OrderedReduction(
          communicator: communicator, shardCount: one.shardCount, sumCount: one.sumCount,
          maximumCount: one.maximumCount, gradientCount: one.sumCount * 3 / 4,
          bucketLength: (one.sumCount / 128 + 1) * 16, isShared: isShared)
      }
      guard let reduction else { continue }
      lines.append("\(one.name): \(hash(try one.reduceOverlapped(with: reduction)))")
    }
    return lines.joined(separator: "\n")
  }

  /// What `reportAll` must give with `ranks` ranks, from the plain definition.
  static func expectedReport(ranks: Int) -> String {
    all.filter { $0.shardCount >= ranks }.map { "\($0.name): \(hash($0.reference()))" }
      .joined(separator: "\n")
  }
}
