import CMPI

extension Communicator {
  /// The MPI library and its version, in its own words; the first line of them.
  ///
  /// The C function is `MPI_Get_library_version`, which may be called without MPI being started.
  public static var libraryVersion: String {
    var text = [CChar](repeating: 0, count: Int(MPI_MAX_LIBRARY_VERSION_STRING) + 1)
    var length: Int32 = 0
    guard MPI_Get_library_version(&text, &length) == MPI_SUCCESS else { return "unknown" }
    let bytes = text.prefix(Int(length)).map { UInt8(bitPattern: $0) }
    let whole = String(decoding: bytes, as: UTF8.self)
    // Open MPI adds who built it, and where.
    return String(whole.prefix { $0 != "\n" && $0 != "," })
  }
}
