#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file opened for reading at any offset.
package final class InputFile {
  package let path: String
  package let byteCount: Int
  private let descriptor: Int32

  /// Opens a regular file; anything else (a folder, a pipe, a device) is refused. What was opened is
  /// what is asked, so that nobody can change places with it; nobody waits for a pipe's other end.
  package init(path: String) throws(CheckpointError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else {
      byteCount = 0
      guard errno == ENOENT || errno == ENOTDIR else { throw systemError("read", path) }
      throw .damaged(file: path, found: "it is missing", expected: "a file")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      byteCount = 0
      throw systemError("read", path)
    }
    byteCount = Int(status.st_size)  // bounded: a length is 64 bits and not negative
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .damaged(file: path, found: "it is not a regular file", expected: "a file")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Fills `buffer` with the bytes that start at `offset`.
  package func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(CheckpointError) {
    var done = 0
    // bounded: a read returns at most what was asked for, so done stays below count
    while done < buffer.count {
      let count = pread(
        descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if count > 0 {
        done += count
      } else if count == 0 {
        throw .damaged(
          file: path, found: "it ends at byte \(offset + done)",
          expected: "\(offset + buffer.count) bytes or more")
      } else if errno != EINTR {
        throw systemError("read", path)
      }
    }
  }

  /// All of a file, if it is not longer than `limit`.
  static func bytes(_ path: String, limit: Int) throws(CheckpointError) -> [UInt8] {
    let file = try InputFile(path: path)
    guard file.byteCount <= limit else {
      throw .limit(file: path, found: byteText(file.byteCount), limit: byteText(limit))
    }
    var bytes = [UInt8](repeating: 0, count: file.byteCount)
    try bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(CheckpointError) in try file.read(into: buffer, at: 0) }
    }.get()
    return bytes
  }
}

/// A new file that is written from front to back.
///
/// Short pieces are gathered, so that a thousand small tensors are not a thousand calls.
final class OutputFile {
  let path: String
  private(set) var byteCount = 0
  private var descriptor: Int32
  private var gathered: [UInt8] = []
  private static let gatheredByteCount = 64 << 10

  init(path: String) throws(CheckpointError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw systemError("create", path) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func append(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    byteCount += bytes.count  // bounded: bytes that are in memory
    // bounded: bytes that are in memory
    if gathered.count + bytes.count > Self.gatheredByteCount { try writeGathered() }
    if bytes.count > Self.gatheredByteCount / 4 {
      try writeGathered()
      try writeNow(bytes)
    } else {
      gathered.append(contentsOf: bytes)
    }
  }

  private func writeGathered() throws(CheckpointError) {
    guard !gathered.isEmpty else { return }
    try gathered.withUnsafeBytes { bytes in
      Result { () throws(CheckpointError) in try writeNow(bytes) }
    }.get()
    gathered.removeAll(keepingCapacity: true)
  }

  private func writeNow(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    var done = 0
    // bounded: a write returns at most what it was given
    while done < bytes.count {
      let count = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count >= 0 {
        done += count
      } else if errno != EINTR {
        throw systemError("write", path)
      }
    }
  }

  /// Returns once the bytes are on the disk.
  func finish() throws(CheckpointError) {
    try writeGathered()
    guard fsync(descriptor) == 0 else { throw systemError("write", path) }
    let result = close(descriptor)
    descriptor = -1
    guard result == 0 else { throw systemError("write", path) }
  }
}

/// Makes a file and returns once its bytes are on the disk.
func writeFile(_ bytes: [UInt8], to path: String) throws(CheckpointError) {
  let file = try OutputFile(path: path)
  try bytes.withUnsafeBytes { bytes in
    Result { () throws(CheckpointError) in try file.append(bytes) }
  }.get()
  try file.finish()
}

/// Whether a regular file lies under that path.
func isFile(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
}

/// What the last C call complains about.
func systemError(_ doing: String, _ path: String) -> CheckpointError {
  .system(path: path, doing: doing, reason: String(cString: strerror(errno)))
}

/// The length of a regular file, or `nil` where nothing lies under that path.
func fileByteCount(_ path: String) throws(CheckpointError) -> Int? {
  var status = stat()
  guard stat(path, &status) == 0 else {
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw systemError("read", path)
  }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw .damaged(file: path, found: "it is not a regular file", expected: "a file")
  }
  return Int(status.st_size)  // bounded: a length is 64 bits and not negative
}

/// When something under that path was last written, in seconds since 1970.
func modificationSeconds(_ path: String) -> Double? {
  var status = stat()
  guard stat(path, &status) == 0 else { return nil }
  #if canImport(Darwin)
    let time = status.st_mtimespec
  #else
    let time = status.st_mtim
  #endif
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9  // bounded: doubles
}

/// The clock, in seconds since 1970.
func currentSeconds() -> Double { Double(time(nil)) }
