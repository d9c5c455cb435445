#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The right to write to a run's folder, held by one process at a time, on any machine that sees the
/// folder. It ends with its owner, or with the process that has it, however that ends.
///
/// The C function is `flock` on the file `.lock`. A file system without locks gives it to everybody.
public final class RunLock: Sendable {
  private let descriptor: Int32

  /// - Throws: `CheckpointError.locked`, which names who has it.
  public init(runFolder: String) throws(CheckpointError) {
    try makeFolders(runFolder)
    let path = joined(runFolder, ".lock")
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw systemError("create", path) }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      var text = [UInt8](repeating: 0, count: 200)
      let count = text.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress!, $0.count, 0) }
      close(descriptor)
      let owner = String(decoding: text.prefix(max(count, 0)), as: UTF8.self)
        .split(separator: "\n").first
      throw .locked(path: runFolder, owner: owner.map(String.init) ?? "another process")
    }
    self.descriptor = descriptor
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let name = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let owner = Array("process \(getpid()) on \(name)\n".utf8)
    // For people only; a full disk must not keep a run from being looked at.
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, owner, owner.count, 0) }
  }

  deinit { close(descriptor) }
}
