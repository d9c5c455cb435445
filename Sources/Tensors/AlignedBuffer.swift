/// A block of zeroed memory, aligned to a cache line, freed with its last owner.
///
/// `@unchecked Sendable`: the class itself only hands out its address. Who writes through it owns it
/// alone at that time: `Tensor` by copying before a write, the engine because one thread runs a plan.
public final class AlignedBuffer: @unchecked Sendable {
  public static let alignment = 64

  public let base: UnsafeMutableRawPointer
  public let byteCount: Int

  public init(byteCount: Int) {
    precondition(byteCount >= 0, "byteCount \(byteCount)")
    self.byteCount = byteCount
    base = .allocate(byteCount: max(byteCount, 1), alignment: Self.alignment)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 1))
  }

  /// Memory that holds anything; for a caller that writes all of it before it is read.
  package init(uninitialized byteCount: Int) {
    precondition(byteCount >= 0, "byteCount \(byteCount)")
    self.byteCount = byteCount
    base = .allocate(byteCount: max(byteCount, 1), alignment: Self.alignment)
  }

  deinit { base.deallocate() }

  public func copy() -> AlignedBuffer {
    let result = AlignedBuffer(uninitialized: byteCount)
    result.base.copyMemory(from: base, byteCount: byteCount)
    return result
  }
}
