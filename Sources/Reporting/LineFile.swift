#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A text file that grows by whole lines.
///
/// A line is written by one call to the system at the file's end, so that a reader never sees half of
/// one while the run lives. What a power cut tears off is dropped on resume.
struct LineFile: Sendable {
  let path: String

  /// Writes `line` and a line end at the end of the file, which is made if it is not there.
  func append(_ line: String) throws(ReportError) {
    try write(line + "\n", flags: O_WRONLY | O_CREAT | O_APPEND, to: path, durably: false)
  }

  /// The whole lines of the file; a last line without its end is left out. `nil` if there is no file.
  func lines() throws(ReportError) -> [Substring]? {
    // A pipe would have it wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw .cannotRead(file: path, reason: reason())
    }
    defer { _ = close(descriptor) }
    let size = try byteCount(descriptor)
    guard size <= Self.largestByteCount else {
      throw .cannotRead(
        file: path, reason: "it has \(size) bytes, the limit is \(Self.largestByteCount)")
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .cannotRead(file: path, reason: reason())
      }
      if count == 0 || bytes.count > Self.largestByteCount { break }
      bytes += chunk[..<count]
    }
    guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
    return String(decoding: bytes[..<end], as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// Replaces the file by `lines` in one stroke: a power cut leaves the old or the new one.
  func replace(by lines: [some StringProtocol]) throws(ReportError) {
    let temporary = path + ".new"
    let text = lines.map { $0 + "\n" }.joined()
    try write(text, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, to: temporary, durably: true)
    if rename(temporary, path) != 0 { throw .cannotWrite(file: path, reason: reason()) }
  }

  private func write(
    _ text: String, flags: CInt, to target: String, durably: Bool
  ) throws(ReportError) {
    // A pipe would have it wait for a reader.
    let descriptor = open(target, flags | O_CLOEXEC | O_NONBLOCK, 0o644)
    if descriptor < 0 { throw .cannotWrite(file: target, reason: reason()) }
    defer { _ = close(descriptor) }
    _ = try byteCount(descriptor)
    let bytes = Array(text.utf8)
    var done = 0
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

  /// A line has less than a kilobyte, an epoch a line or two: more is no file of a run.
  private static let largestByteCount = 256 << 20

  /// - Throws: where it is something else than a file, a pipe or a device, for example.
  private func byteCount(_ descriptor: CInt) throws(ReportError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .cannotRead(file: path, reason: reason())
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .cannotRead(file: path, reason: "it is not a regular file")
    }
    return Int(status.st_size)
  }

  private func reason() -> String { String(cString: strerror(errno)) }
}

/// `write(2)`; inside `LineFile` the name is taken.
private func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
