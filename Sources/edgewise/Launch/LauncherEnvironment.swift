import Foundation
import Glibc
import Parallel

/// What `mpirun` and its ranks find in their environment.
enum LauncherEnvironment {
  /// The environment of this program, and where they are not set:
  /// - the two variables without which Open MPI refuses root;
  /// - one thread per rank; a recipe's `system.threads` goes before it;
  /// - where the system forbids to read another process's memory, as containers do, that Open MPI should
  ///   not try to.
  static var values: [String: String] {
    var values = ProcessInfo.processInfo.environment
    func set(_ name: String, _ value: String) { if values[name] == nil { values[name] = value } }
    if geteuid() == 0 {
      set("OMPI_ALLOW_RUN_AS_ROOT", "1")
      set("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
    }
    set("OMP_NUM_THREADS", "1")
    if !readsOtherProcesses { set("OMPI_MCA_btl_vader_single_copy_mechanism", "none") }
    return values
  }

  /// Whether the C function `process_vm_readv` may be used: asked about this process itself. Swift's Glibc
  /// module does not show it, so it is looked up by name.
  private static let readsOtherProcesses: Bool = {
    typealias Function =
      @convention(c) (
        pid_t, UnsafeMutablePointer<iovec>, UInt, UnsafeMutablePointer<iovec>, UInt, UInt
      ) -> Int
    guard let symbol = dlsym(nil, "process_vm_readv") else { return false }
    let read = unsafeBitCast(symbol, to: Function.self)
    var (source, target): (UInt64, UInt64) = (1, 0)
    return withUnsafeMutableBytes(of: &source) { source in
      withUnsafeMutableBytes(of: &target) { target in
        var from = iovec(iov_base: source.baseAddress, iov_len: source.count)
        var into = iovec(iov_base: target.baseAddress, iov_len: target.count)
        return read(getpid(), &into, 1, &from, 1, 0) == source.count
      }
    }
  }()

  /// - Throws: a sentence where there is no `mpirun`.
  static func checkLauncher() throws(FailureReport) {
    let folders = ProcessInfo.processInfo.environment["PATH", default: "/usr/bin:/bin"]
    guard
      folders.split(separator: ":").contains(where: { access("\($0)/mpirun", X_OK) == 0 })
    else {
      throw FailureReport(
        message:
          "launch starts mpirun, which is not on PATH; install it (Debian: openmpi-bin) or load the cluster's module for it, or start `edgewise train` alone for one rank",
        exitCode: 1, rank: 0)
    }
  }
}
