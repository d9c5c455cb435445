import Glibc
import Synchronization
import Tensors

/// All bytes of a file, or of one inflated entry of it, in memory.
final class FileContents: Sendable {
  /// The file's path, for messages.
  let path: String
  /// How many bytes the file itself has; limits are multiples of it.
  let fileByteCount: Int
  let limits: WeightLimits
  let memory: AlignedBuffer
  /// Entries that were inflated from this file. They live as long as it does, so that addresses into them
  /// stay valid while `WeightFile` holds the file.
  private let entries = Mutex<[FileContents]>([])

  init(path: String, fileByteCount: Int, limits: WeightLimits, memory: AlignedBuffer) {
    self.path = path
    self.fileByteCount = fileByteCount
    self.limits = limits
    self.memory = memory
  }

  /// A copy of `bytes` that poses as a file.
  convenience init(_ bytes: [UInt8], path: String, limits: WeightLimits) {
    let memory = AlignedBuffer(uninitialized: bytes.count)
    bytes.withUnsafeBytes { source in
      if let base = source.baseAddress {
        memory.base.copyMemory(from: base, byteCount: source.count)
      }
    }
    self.init(path: path, fileByteCount: bytes.count, limits: limits, memory: memory)
  }

  /// Reads a regular file.
  convenience init(path: String, limits: WeightLimits) throws(WeightFileError) {
    func failure() -> WeightFileError {
      .system(path: path, doing: "read", reason: String(cString: strerror(errno)))
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure() }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .system(path: path, doing: "read", reason: "it is not a regular file")
    }
    let byteCount = Int(status.st_size)
    guard byteCount <= limits.fileByteCount else {
      throw .limit(
        file: path, found: "\(byteCount) bytes", limit: "\(limits.fileByteCount) bytes")
    }
    let memory = AlignedBuffer(uninitialized: byteCount)
    var count = 0
    while count < byteCount {
      let step = Glibc.read(descriptor, memory.base + count, byteCount - count)
      if step < 0, errno == EINTR { continue }
      guard step >= 0 else { throw failure() }
      guard step > 0 else {
        throw .system(path: path, doing: "read", reason: "it became shorter meanwhile")
      }
      count += step
    }
    self.init(path: path, fileByteCount: byteCount, limits: limits, memory: memory)
  }

  /// An inflated entry of this file.
  func entry(_ memory: AlignedBuffer) -> FileContents {
    let entry = FileContents(
      path: path, fileByteCount: fileByteCount, limits: limits, memory: memory)
    entries.withLock { $0.append(entry) }
    return entry
  }

  /// Bytes that one entry or tensor may take.
  var allowance: Int { limits.allowance(forFileOf: fileByteCount) }
}
