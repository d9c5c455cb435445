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
    // A link or a pipe of that name would lead elsewhere, or wait for somebody.
    let descriptor = open(
      path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o666)
    guard descriptor >= 0 else {
      if errno == ELOOP { throw Self.foreign(path, "it is a symbolic link") }
      throw systemError("create", path)
    }
    do throws(CheckpointError) { try Self.checkOwn(descriptor, path) } catch {
      close(descriptor)
      throw error
    }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      var text = [UInt8](repeating: 0, count: Self.byteCount)
      // bounded: the array is not empty
      let count = text.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress!, $0.count, 0) }
      close(descriptor)
      let line = text.prefix(max(count, 0)).prefix { $0 != UInt8(ascii: "\n") }
      let owner = String(decoding: line, as: UTF8.self)
      throw .locked(path: runFolder, owner: owner.isEmpty ? "another process" : owner)
    }
    self.descriptor = descriptor
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)  // bounded: 256 - 1
    let name = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    // For people only; a full disk must not keep a run from being looked at. The first line counts, and
    // spaces write over what another owner left: nothing is ever cut off.
    var owner = Array("\(Self.opening)\(getpid()) on \(name)".utf8.prefix(Self.byteCount - 1))
    owner += [UInt8](repeating: UInt8(ascii: " "), count: Self.byteCount - 1 - owner.count)
    owner.append(UInt8(ascii: "\n"))
    _ = pwrite(descriptor, owner, owner.count, 0)
  }

  /// How the file begins, once somebody has written into it, and how long it is.
  private static let opening = "process "
  private static let byteCount = 200

  /// Whether this program may write into the file: it is empty, or begins as one of its own.
  private static func checkOwn(_ descriptor: Int32, _ path: String) throws(CheckpointError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw systemError("read", path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw foreign(path, "it is not a regular file")
    }
    guard status.st_size > 0 else { return }
    var text = [UInt8](repeating: 0, count: opening.utf8.count)
    // bounded: the array is not empty
    let count = text.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress!, $0.count, 0) }
    // bounded: 400
    guard status.st_size <= 2 * byteCount, count == text.count, text.elementsEqual(opening.utf8)
    else { throw foreign(path, "it is no file of this program") }
  }

  private static func foreign(_ path: String, _ reason: String) -> CheckpointError {
    .system(path: path, doing: "lock", reason: reason + "; move it away")
  }

  deinit { close(descriptor) }
}
