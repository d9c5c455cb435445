import CMPI

extension Communicator {
  /// The `value` of every rank, in the order of the ranks.
  ///
  /// *Collective.* The C function is `MPI_Allgather`.
  public func allGather(_ value: UInt64) throws(MPIError) -> [UInt64] {
    guard let raw else { return [value] }
    var own = value
    var all = [UInt64](repeating: 0, count: size)
    try check(
      MPI_Allgather(&own, 1, cmpi_uint64(), &all, 1, cmpi_uint64(), raw), "MPI_Allgather")
    return all
  }

  /// The `bytes` of every rank, in the order of the ranks; each rank may bring another number of
  /// them.
  ///
  /// *Collective.* The C functions are `MPI_Allgather` for the counts and `MPI_Allgatherv`; where
  /// the sum of the counts is more than one call carries, one `MPI_Bcast` after another.
  public func allGather(_ bytes: [UInt8]) throws(MPIError) -> [[UInt8]] {
    guard let raw else { return [bytes] }
    let counts = try allGather(UInt64(bytes.count)).map { Int($0) }
    let total = counts.reduce(0, +)
    guard total <= largestCount else {
      var all: [[UInt8]] = []
      for root in 0..<size {
        var part = root == rank ? bytes : [UInt8](repeating: 0, count: counts[root])
        try part.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
          try broadcast(UnsafeMutableRawBufferPointer(buffer), root: root)
        }
        all.append(part)
      }
      return all
    }

    var starts: [Int32] = []
    var end: Int32 = 0
    for count in counts {
      starts.append(end)
      end += Int32(count)
    }
    let counts32 = counts.map { Int32($0) }
    var joined = [UInt8](repeating: 0, count: total)
    try check(
      MPI_Allgatherv(
        bytes, Int32(bytes.count), cmpi_byte(), &joined, counts32, starts, cmpi_byte(), raw),
      "MPI_Allgatherv")
    return (0..<size).map { Array(joined[Int(starts[$0])..<Int(starts[$0]) + counts[$0]]) }
  }
}
