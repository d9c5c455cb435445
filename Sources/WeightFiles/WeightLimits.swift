/// What a reader gives a file at most, so that a hostile one cannot take a machine's memory or time.
public struct WeightLimits: Hashable, Sendable {
  /// The largest file, which is held in memory while it is read.
  public var fileByteCount = 4 << 30
  /// An inflated entry, or a tensor as FP32, takes at most this many times the file's size, and 1 MiB.
  ///
  /// Weights compress to 0.9 of their size, pickles to 0.1; a tensor with a stride of zero repeats its
  /// storage.
  public var expansion = 32
  /// Entries, values of a pickle, nodes, tensors: of each kind at most this many.
  public var itemCount = 1 << 20
  /// Brackets in brackets, modules in modules.
  public var depth = 64

  public init() {}

  /// Bytes that one entry or tensor out of a file of `fileByteCount` bytes may take.
  func allowance(forFileOf fileByteCount: Int) -> Int {
    let (product, overflow) = expansion.multipliedReportingOverflow(by: fileByteCount)
    return overflow ? .max / 2 : min(product, .max / 2) + 1 << 20
  }
}
