import Glibc

/// How many threads OpenMP will really use in this process: what was set with `setComputeThreadCount`
/// or the environment, but no more than `OMP_THREAD_LIMIT`; "up to N" where `OMP_DYNAMIC` lets it
/// choose. As text, for comparing ranks.
public func computeThreadDescription() -> String {
  func value(_ function: String) -> Int? {
    guard let symbol = dlsym(nil, function) else { return nil }
    typealias Ask = @convention(c) () -> CInt
    return Int(unsafeBitCast(symbol, to: Ask.self)())
  }
  guard let most = value("omp_get_max_threads") else { return "no OpenMP" }
  let count = min(most, value("omp_get_thread_limit") ?? most)
  return (value("omp_get_dynamic") ?? 0) != 0 ? "up to \(count)" : "\(count)"
}
