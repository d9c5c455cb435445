#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A text file that grows by whole lines.
///
/// A line is written by one call to the system at the file's end, so that a reader never sees half of
/// one while the run lives. What a power cut tears off is dropped on resume.
///
/// Only regular files are read and written: a pipe would wait for somebody, a link lead elsewhere.
struct LineFile: Sendable {
  let path: String

  /// More bytes are not read: some hundred thousand epochs.
  static let byteLimit = 64 << 20

  /// Writes `line` and a line end at the end of the file, which is made if it is not there.
  func append(_ line: String) throws(ReportError) {
    try write(
      line + "\n", flags: O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, to: path, durably: false)
  }

  /// The whole lines of the file; a last line without its end is left out. `nil` if there is no file.
  func lines() throws(ReportError) -> [Substring]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw .cannotRead(file: path, reason: reason())
    }
    defer { _ = close(descriptor) }
    guard isRegular(descriptor) else {
      throw .cannotRead(file: path, reason: "it is not a regular file")
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .cannotRead(file: path, reason: reason())
      }
      if count == 0 { break }
      bytes += chunk[..<count]  // bounded: a read returns at most what was asked for
      guard bytes.count <= Self.byteLimit else {
        throw .cannotRead(
          file: path, reason: "it has more than \(Self.byteLimit >> 20) MiB, which is the limit")
      }
    }
    guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
    return String(decoding: bytes[..<end], as: UTF8.self)  // bounded: an index of bytes
      .split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// Replaces the file by `lines` in one stroke: a power cut leaves the old or the new one.
  func replace(by lines: [some StringProtocol]) throws(ReportError) {
    let temporary = path + ".new"
    let text = lines.map { $0 + "\n" }.joined()
    // What a run that was killed has left, or a link somewhere else.
    if unlink(temporary) != 0, errno != ENOENT {
      throw .cannotWrite(file: temporary, reason: reason())
    }
    try write(text, flags: O_WRONLY | O_CREAT | O_EXCL, to: temporary, durably: true)
    if rename(temporary, path) != 0 { throw .cannotWrite(file: path, reason: reason()) }
  }

  private func write(
    _ text: String, flags: CInt, to target: String, durably: Bool
  ) throws(ReportError) {
    let descriptor = open(target, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o644)
    if descriptor < 0 {
      let isLink = errno == ELOOP
      throw .cannotWrite(
        file: target, reason: isLink ? "it is a symbolic link; move it away" : reason())
    }
    defer { _ = close(descriptor) }
    guard isRegular(descriptor) else {
      throw .cannotWrite(file: target, reason: "it is not a regular file; move it away")
    }
    let bytes = Array(text.utf8)
    var done = 0
    // bounded: a write returns at most what it was given
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        systemWrite(descriptor, $0.baseAddress! + done, bytes.count - done)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw .cannotWrite(file: target, reason: reason())
      }
      done += count
    }
    if durably && fsync(descriptor) != 0 { throw .cannotWrite(file: target, reason: reason()) }
  }

  private func isRegular(_ descriptor: CInt) -> Bool {
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  private func reason() -> String { String(cString: strerror(errno)) }
}

/// `write(2)`; inside `LineFile` the name is taken.
private func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
