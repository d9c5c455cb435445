import Glibc
import Tensors

/// One block of zeroed memory per rank, which the ranks on the same host read where it is.
///
/// A block is an unlinked POSIX shared-memory object that the other processes open through
/// `/proc`: it has no name that a killed job could leave behind. Where that does not work (another
/// host, another container, no room in `/dev/shm`) a rank sees its own block alone, and whoever uses
/// it sends messages instead.
///
/// What one rank wrote before it sent a message, the receiver of that message reads. One thread uses it.
public final class SharedMemory {
  /// This rank's own block.
  public let base: UnsafeMutableRawPointer
  public let byteCount: Int
  /// By rank: its block as this process sees it. `nil` for this rank, and where either of the two
  /// does not see the other's.
  public private(set) var peers: [UnsafeMutableRawPointer?]

  private let privateBlock: AlignedBuffer?
  private var mappings: [(base: UnsafeMutableRawPointer, byteCount: Int)] = []

  /// Makes `byteCount` bytes on this rank, and opens the others' blocks.
  ///
  /// - Parameter isShared: `false`, on every rank, leaves each with its own.
  ///
  /// *Collective*; the counts may differ.
  public init(byteCount: Int, communicator: Communicator, isShared: Bool = true)
    throws(MPIError)
  {
    self.byteCount = byteCount
    let me = communicator.rank
    peers = Array(repeating: nil, count: communicator.size)
    guard isShared, communicator.size > 1 else {
      let block = AlignedBuffer(byteCount: byteCount)
      (privateBlock, base) = (block, block.base)
      return
    }
    let object = Self.object(byteCount: max(byteCount, Self.proofByteCount))
    let block = object == nil ? AlignedBuffer(byteCount: byteCount) : nil
    privateBlock = block
    base = object?.base ?? block!.base
    if let object { mappings.append((object.base, object.byteCount)) }
    // A number in the block proves that what was opened is that block.
    let proof = UInt64.random(in: 1...UInt64.max)
    if object != nil { base.storeBytes(of: proof, as: UInt64.self) }
    let card = Card(
      processID: UInt64(getpid()), file: UInt64(object?.file ?? 0),
      byteCount: UInt64(object?.byteCount ?? 0), proof: proof, host: communicator.hostName)
    let cards = try communicator.allGather(card.bytes).map { Card($0) }
    var seen = [UInt8](repeating: 0, count: cards.count)
    for rank in cards.indices where rank != me && cards[rank].host == communicator.hostName {
      guard let opened = Self.open(cards[rank]) else { continue }
      mappings.append((opened, Int(cards[rank].byteCount)))
      peers[rank] = opened
      seen[rank] = 1
    }
    // Everybody has looked at my proof once this is back.
    let views = try communicator.allGather(seen)
    for rank in cards.indices where views[rank][me] == 0 { peers[rank] = nil }
    if let object {
      base.storeBytes(of: 0, as: UInt64.self)
      close(object.file)
    }
    // Nobody reads a proof for a zero.
    try communicator.barrier()
  }

  deinit {
    for mapping in mappings { munmap(mapping.base, mapping.byteCount) }
  }

  private static let proofByteCount = 64

  /// A new object in memory; `nil` where the system gives none, or not as much.
  private static func object(byteCount: Int)
    -> (file: Int32, base: UnsafeMutableRawPointer, byteCount: Int)?
  {
    let name = "/edgewise-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    let file = shm_open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
    guard file >= 0 else { return nil }
    shm_unlink(name)
    // Taken now: later it would be a bus error in the middle of a step.
    guard posix_fallocate(file, 0, byteCount) == 0, let base = map(file, byteCount) else {
      close(file)
      return nil
    }
    return (file, base, byteCount)
  }

  private static func open(_ card: Card) -> UnsafeMutableRawPointer? {
    guard card.byteCount > 0 else { return nil }
    let file = Glibc.open("/proc/\(card.processID)/fd/\(card.file)", O_RDWR | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, UInt64(status.st_size) == card.byteCount,
      let base = map(file, Int(card.byteCount))
    else { return nil }
    guard base.load(as: UInt64.self) == card.proof else {
      munmap(base, Int(card.byteCount))
      return nil
    }
    return base
  }

  private static func map(_ file: Int32, _ byteCount: Int) -> UnsafeMutableRawPointer? {
    let base = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | Int32(MAP_POPULATE), file, 0)
    return base == MAP_FAILED ? nil : base
  }

  /// Where a rank's block can be found.
  private struct Card {
    var processID, file, byteCount, proof: UInt64
    var host: String

    init(processID: UInt64, file: UInt64, byteCount: UInt64, proof: UInt64, host: String) {
      (self.processID, self.file, self.byteCount) = (processID, file, byteCount)
      (self.proof, self.host) = (proof, host)
    }

    init(_ bytes: [UInt8]) {
      func word(_ index: Int) -> UInt64 {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
      }
      (processID, file, byteCount, proof) = (word(0), word(1), word(2), word(3))
      host = String(decoding: bytes[32...], as: UTF8.self)
    }

    var bytes: [UInt8] {
      [processID, file, byteCount, proof].withUnsafeBytes { Array($0) } + Array(host.utf8)
    }
  }
}
