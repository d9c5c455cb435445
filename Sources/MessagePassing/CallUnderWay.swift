import Synchronization

/// Which C function of MPI this process is in, for those who look for a rank that hangs.
///
/// `check` notes it around every call. Threads that call MPI at the same time overwrite each
/// other's note; the number of calls under way is right all the same.
public enum CallUnderWay {
  /// The function entered last, or `nil` if no thread is in one.
  public static var function: String? {
    guard depth.load(ordering: .relaxed) > 0,
      let name = UnsafePointer<UInt8>(bitPattern: name.load(ordering: .relaxed))
    else { return nil }
    return String(cString: name)
  }

  static func enter(_ function: StaticString) {
    name.store(UInt(bitPattern: function.utf8Start), ordering: .relaxed)
    depth.add(1, ordering: .relaxed)
  }

  static func leave() { depth.subtract(1, ordering: .relaxed) }

  private static let depth = Atomic<Int>(0)
  /// Address of a literal, which ends with 0 and stays for good.
  private static let name = Atomic<UInt>(0)
}
