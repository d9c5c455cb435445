import CMPI

extension Communicator {
  /// Replaces `bytes` on every rank by those of `root`, whatever their number was before.
  ///
  /// *Collective.* The C function is `MPI_Bcast`: once for the count, then for the bytes.
  public func broadcast(bytes: inout [UInt8], root: Int = 0) throws(MPIError) {
    precondition(root >= 0 && root < size, "root \(root) of \(size) ranks")
    if isSolo { return }
    var count = UInt64(bytes.count)
    try withUnsafeMutableBytes(of: &count) { (word) throws(MPIError) in
      try broadcast(word, root: root)
    }
    if rank != root { bytes = [UInt8](repeating: 0, count: Int(count)) }
    try bytes.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try broadcast(UnsafeMutableRawBufferPointer(buffer), root: root)
    }
  }

  /// Replaces the bytes of `buffer` by those of `root`; its length must be the same on every rank.
  ///
  /// *Collective.* The C function is `MPI_Bcast`, several times for more bytes than one call
  /// carries.
  public func broadcast(_ buffer: UnsafeMutableRawBufferPointer, root: Int = 0) throws(MPIError) {
    precondition(root >= 0 && root < size, "root \(root) of \(size) ranks")
    guard let raw, let base = buffer.baseAddress else { return }
    for part in parts(of: buffer.count) {
      try check(
        MPI_Bcast(base + part.lowerBound, Int32(part.count), cmpi_byte(), Int32(root), raw),
        "MPI_Bcast")
    }
  }

  /// Cuts 0 ..< `count` into runs that one C call can carry.
  func parts(of count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: largestCount).map { $0..<min($0 + largestCount, count) }
  }
}
