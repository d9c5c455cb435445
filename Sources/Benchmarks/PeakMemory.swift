import Glibc

/// The most memory, in bytes, that this process has held at any time. The C function is `getrusage`.
public func peakMemoryByteCount() -> Int {
  var usage = rusage()
  getrusage(RUSAGE_SELF.rawValue, &usage)
  return usage.ru_maxrss * 1024
}
