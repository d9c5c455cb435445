import Foundation
import MessagePassing
import Testing

/// What the ranks do that `CommunicatorTests` starts.
@Suite(.serialized) struct CommunicatorChildren {
  @Test(.enabled(if: MPIRun.child == "collectives"))
  func collectives() throws {
    let world = try Communicator.world()
    #expect(!world.isSolo && world.threadLevel >= .funneled)
    #expect(try Communicator.world() === world)
    // Once as it is, once with every call cut into pieces of seven elements.
    for ranks in [world, world.limited(toCount: 7)] { try checkCollectives(ranks) }
    try world.barrier()
    try MPIRun.report("good", rank: world.rank)
    try world.finalize()
    try world.finalize()
  }

  @Test(.enabled(if: MPIRun.child == "shared"))
  func shared() throws {
    let world = try Communicator.world()
    let (me, size) = (world.rank, world.size)
    // Blocks of unlike sizes, the smallest too short for anything but its bytes.
    func count(_ rank: Int) -> Int { [1, 10_000, 3 << 20][rank] }
    for _ in 0..<2 {
      let memory = try SharedMemory(byteCount: count(me), communicator: world)
      for rank in 0..<size where rank != me {
        let theirs = try #require(memory.peers[rank])
        for i in 0..<count(rank) {
          try #require(theirs.load(fromByteOffset: i, as: UInt8.self) == 0)
        }
      }
      #expect(memory.peers[me] == nil)
      try world.barrier()
      for i in 0..<count(me) {
        memory.base.storeBytes(
          of: UInt8(truncatingIfNeeded: i * 7 + me), toByteOffset: i, as: UInt8.self)
      }
      try world.barrier()
      for rank in 0..<size where rank != me {
        for i in 0..<count(rank) {
          try #require(
            memory.peers[rank]!.load(fromByteOffset: i, as: UInt8.self)
              == UInt8(truncatingIfNeeded: i * 7 + rank))
        }
      }
      try world.barrier()
    }
    let own = try SharedMemory(byteCount: 64, communicator: world, isShared: false)
    #expect(own.peers.allSatisfy { $0 == nil })
    try MPIRun.report("good", rank: me)
    try world.finalize()
  }

  private func checkCollectives(_ world: Communicator) throws {
    let (me, size) = (world.rank, world.size)
    for root in 0..<size {
      let expected = (0..<(100 + root)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ root) }
      var bytes = me == root ? expected : [9]
      try world.broadcast(bytes: &bytes, root: root)
      try #require(bytes == expected)
      bytes = me == root ? [] : [9]
      try world.broadcast(bytes: &bytes, root: root)
      try #require(bytes.isEmpty)
    }

    let ranks = 0..<size
    var floats = (0..<20).map { Float($0 * (me + 1)) }
    try world.allReduce(&floats, count: 20, .sum)
    try #require(floats == (0..<20).map { i in Float(ranks.map { i * ($0 + 1) }.reduce(0, +)) })
    var doubles = (0..<20).map { Double($0 - me) }
    try world.allReduce(&doubles, count: 20, .minimum)
    try #require(doubles == (0..<20).map { Double($0 - size + 1) })
    var integers = (0..<20).map { Int32($0 + me) }
    try world.allReduce(&integers, count: 20, .maximum)
    try #require(integers == (0..<20).map { Int32($0 + size - 1) })
    var long = [Int64.max / 8 + Int64(me)]
    try world.allReduce(&long, count: 1, .maximum)
    try #require(long == [Int64.max / 8 + Int64(size - 1)])

    try #require(try world.allGather(UInt64.max - UInt64(me)) == ranks.map { .max - UInt64($0) })
    let texts = ranks.map { [UInt8](repeating: UInt8($0), count: $0 * 5) }
    try #require(try world.allGather(texts[me]) == texts)

    // Everybody sends 20 numbers to everybody, twice.
    let out = UnsafeMutablePointer<Float>.allocate(capacity: 20)
    let into = UnsafeMutablePointer<Float>.allocate(capacity: 20 * size)
    defer {
      out.deallocate()
      into.deallocate()
    }
    let others = ranks.filter { $0 != me }
    let exchange = try Exchange(
      sends: others.map { .init(peer: $0, tag: 3, values: out, count: 20) },
      receives: others.map { .init(peer: $0, tag: 3, values: into + 20 * $0, count: 20) },
      communicator: world)
    for turn in 0..<2 {
      for i in 0..<20 { out[i] = Float(1000 * turn + 100 * me + i) }
      into.initialize(repeating: -1, count: 20 * size)
      try exchange.start()
      try exchange.wait()
      for other in others {
        for i in 0..<20 {
          try #require(into[20 * other + i] == Float(1000 * turn + 100 * other + i))
        }
      }
    }
  }

  @Test(.enabled(if: MPIRun.child == "truncation"))
  func truncation() throws {
    let world = try Communicator.world()
    var values = [Float](repeating: 1, count: 20)
    try values.withUnsafeMutableBufferPointer { buffer in
      let base = try #require(buffer.baseAddress)
      let exchange =
        world.rank == 0
        ? try Exchange(
          sends: [.init(peer: 1, tag: 0, values: base, count: 20)], receives: [],
          communicator: world)
        : try Exchange(
          sends: [], receives: [.init(peer: 0, tag: 0, values: base, count: 10)],
          communicator: world)
      do {
        try exchange.start()
        try exchange.wait()
        try MPIRun.report("nothing was thrown", rank: world.rank)
      } catch let error as MPIError {
        try MPIRun.report(error.description, rank: world.rank)
      }
    }
    try world.finalize()
  }

  @Test(.enabled(if: MPIRun.child == "abort"))
  func abort() throws {
    let world = try Communicator.world()
    if world.rank == 1 { world.abort(code: 65) }
    try world.barrier()
  }

  @Test(.enabled(if: MPIRun.child == "incomplete"))
  func incomplete() throws {
    setenv("OMPI_COMM_WORLD_SIZE", "3", 1)
    do {
      _ = try Communicator.world()
      try MPIRun.report("nothing was thrown", rank: 0)
    } catch let error as MPIError {
      try MPIRun.report(error.description, rank: 0)
    }
  }
}
