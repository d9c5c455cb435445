import CMPI

extension Communicator {
  /// Name and version of the MPI library, such as `Open MPI v4.1.4`; may be asked at any time.
  ///
  /// The C function is `MPI_Get_library_version`; of its text the part before the first comma or
  /// line end, for the rest names the machine that the library was built on.
  public static var libraryVersion: String {
    var text = [CChar](repeating: 0, count: Int(MPI_MAX_LIBRARY_VERSION_STRING) + 1)
    var length: Int32 = 0
    guard MPI_Get_library_version(&text, &length) == Int32(MPI_SUCCESS) else {
      return "unknown MPI library"
    }
    let bytes = text.prefix(Int(length)).map { UInt8(bitPattern: $0) }
    return String(decoding: bytes.prefix { $0 != 0x2C && $0 != 0x0A && $0 != 0 }, as: UTF8.self)
  }
}
