import CMPI

/// How the values of all ranks become one.
public enum ReductionOperation: Sendable {
  case sum, minimum, maximum

  var raw: MPI_Op {
    switch self {
    case .sum: cmpi_sum()
    case .minimum: cmpi_min()
    case .maximum: cmpi_max()
    }
  }
}

/// Each replaces `count` values on every rank by their element-wise sum, minimum or maximum over
/// all ranks.
///
/// *Collective*, with the same count and operation. The C function is `MPI_Allreduce` in place.
///
/// A floating-point sum depends on the number of ranks, and how minimum and maximum treat a NaN is
/// up to the MPI library: use them for reports, never for what reaches the parameters.
extension Communicator {
  public func allReduce(
    _ values: UnsafeMutablePointer<Float>, count: Int, _ operation: ReductionOperation
  ) throws(MPIError) {
    try allReduce(values, MemoryLayout<Float>.size, count, cmpi_float(), operation)
  }

  public func allReduce(
    _ values: UnsafeMutablePointer<Double>, count: Int, _ operation: ReductionOperation
  ) throws(MPIError) {
    try allReduce(values, MemoryLayout<Double>.size, count, cmpi_double(), operation)
  }

  public func allReduce(
    _ values: UnsafeMutablePointer<Int32>, count: Int, _ operation: ReductionOperation
  ) throws(MPIError) {
    try allReduce(values, MemoryLayout<Int32>.size, count, cmpi_int32(), operation)
  }

  public func allReduce(
    _ values: UnsafeMutablePointer<Int64>, count: Int, _ operation: ReductionOperation
  ) throws(MPIError) {
    try allReduce(values, MemoryLayout<Int64>.size, count, cmpi_int64(), operation)
  }

  public func allReduce(
    _ values: UnsafeMutablePointer<UInt64>, count: Int, _ operation: ReductionOperation
  ) throws(MPIError) {
    try allReduce(values, MemoryLayout<UInt64>.size, count, cmpi_uint64(), operation)
  }

  private func allReduce(
    _ base: UnsafeMutableRawPointer, _ width: Int, _ count: Int, _ type: MPI_Datatype,
    _ operation: ReductionOperation
  ) throws(MPIError) {
    precondition(count >= 0, "count \(count)")
    guard let raw else { return }
    for part in parts(of: count) {
      try check(
        MPI_Allreduce(
          cmpi_in_place(), base + part.lowerBound * width, Int32(part.count), type, operation.raw,
          raw),
        "MPI_Allreduce")
    }
  }
}
