import CMPI

/// Which threads of a process may call MPI.
public enum ThreadLevel: Int, Comparable, Sendable, CustomStringConvertible {
  /// The process has one thread.
  case single
  /// Only the thread that started MPI.
  case funneled
  /// Any thread, one at a time.
  case serialized
  /// Any thread at any time.
  case multiple

  public static func < (a: ThreadLevel, b: ThreadLevel) -> Bool { a.rawValue < b.rawValue }

  public var description: String {
    switch self {
    case .single: "single"
    case .funneled: "funneled"
    case .serialized: "serialized"
    case .multiple: "multiple"
    }
  }

  /// The level that C calls `code`. The standard orders the four constants, but fixes no values.
  init(code: Int32) {
    if code >= Int32(MPI_THREAD_MULTIPLE) {
      self = .multiple
    } else if code >= Int32(MPI_THREAD_SERIALIZED) {
      self = .serialized
    } else {
      self = code >= Int32(MPI_THREAD_FUNNELED) ? .funneled : .single
    }
  }
}
