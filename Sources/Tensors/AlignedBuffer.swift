#if canImport(Glibc)
  import Glibc
#endif

/// A block of zeroed memory, aligned to a cache line, freed with its last owner.
///
/// `@unchecked Sendable`: the class itself only hands out its address. Who writes through it owns it
/// alone at that time: `Tensor` by copying before a write, the engine because one thread runs a plan.
public final class AlignedBuffer: @unchecked Sendable {
  public static let alignment = 64
  private static let hugePage = 2 << 20

  public let base: UnsafeMutableRawPointer
  public let byteCount: Int
  /// Whose memory this is a part of.
  private let whole: AlignedBuffer?

  public init(byteCount: Int) {
    precondition(byteCount >= 0, "byteCount \(byteCount)")
    self.byteCount = byteCount
    whole = nil
    let isLarge = byteCount >= 2 * Self.hugePage
    base = .allocate(
      byteCount: max(byteCount, 1), alignment: isLarge ? Self.hugePage : Self.alignment)
    #if canImport(Glibc)
      // Pages of 2 MiB where the system has them: convolutions walk over hundreds of MiB, far more than
      // the processor remembers addresses of small pages for. Only advice, so its answer is ignored.
      if isLarge { _ = madvise(base, byteCount, MADV_HUGEPAGE) }
    #endif
    base.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 1))
  }

  /// Memory that holds anything; for a caller that writes all of it before it is read.
  package init(uninitialized byteCount: Int) {
    precondition(byteCount >= 0, "byteCount \(byteCount)")
    self.byteCount = byteCount
    whole = nil
    base = .allocate(byteCount: max(byteCount, 1), alignment: Self.alignment)
  }

  /// A part of another block, which lives on with it. Parts that overlap share their bytes.
  package init(part range: Range<Int>, of whole: AlignedBuffer) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= whole.byteCount
        && range.lowerBound % Self.alignment == 0,
      "bytes \(range) of \(whole.byteCount)")
    base = whole.base + range.lowerBound
    byteCount = range.count
    self.whole = whole
  }

  deinit { if whole == nil { base.deallocate() } }

  public func copy() -> AlignedBuffer {
    let result = AlignedBuffer(uninitialized: byteCount)
    result.base.copyMemory(from: base, byteCount: byteCount)
    return result
  }
}
