import Glibc

/// Why the bytes of a file could not be had.
package enum FileBytesError: Error, Equatable {
  case missing
  /// A folder, pipe, socket or device: reading it may never end.
  case notRegular
  case tooLarge(byteCount: Int, limit: Int)
  /// The system's reason.
  case unreadable(String)

  package var reason: String {
    switch self {
    case .missing: "there is no such file"
    case .notRegular: "it is not a regular file"
    case .tooLarge(let byteCount, let limit):
      "it has \(byteCount) bytes, more than the limit of \(limit)"
    case .unreadable(let reason): reason
    }
  }
}

/// The bytes of a regular file of at most `limit` bytes, or its first `prefix` of them.
///
/// The size is asked first: of a larger file nothing is read. What grows meanwhile is read as long
/// as it was, what shrinks as long as it is.
package func regularFileBytes(
  _ path: String, limit: Int, prefix: Int? = nil
) throws(FileBytesError) -> [UInt8] {
  // The system would take what stands before the zero for the name.
  guard !path.utf8.contains(0) else { throw .unreadable("its name holds a zero byte") }
  // A pipe without a writer must not block.
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
  guard descriptor >= 0 else {
    throw errno == ENOENT || errno == ENOTDIR
      ? .missing : errno == ENXIO ? .notRegular : .unreadable(String(cString: strerror(errno)))
  }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    throw .unreadable(String(cString: strerror(errno)))
  }
  guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
  // A network's or a user's file system may say anything.
  let size = max(Int(status.st_size), 0)  // bounded: 64 bits in 64
  guard size <= limit else { throw .tooLarge(byteCount: size, limit: limit) }
  let byteCount = min(size, prefix ?? limit)
  var failure: CInt = 0
  // bounded: it reads while count is below byteCount, and a step gives at most the rest
  let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
    // Without a place for a byte there is no address to read to.
    guard let start = buffer.baseAddress else { return }
    while count < byteCount {
      let step = read(descriptor, start + count, byteCount - count)
      if step < 0 && errno == EINTR { continue }
      if step < 0 { failure = errno }
      if step <= 0 { break }
      count += step
    }
  }
  guard failure == 0 else { throw .unreadable(String(cString: strerror(failure))) }
  return bytes
}

/// The bytes of an image file, or its first `prefix`.
///
/// *Throws:* `ImageError.unreadable` with the system's reason, `ImageError.tooManyBytes`.
func readFile(_ path: String, prefix: Int? = nil) throws(ImageError) -> [UInt8] {
  do throws(FileBytesError) {
    return try regularFileBytes(path, limit: ImageFile.maximumByteCount, prefix: prefix)
  } catch {
    if case .tooLarge(let byteCount, _) = error {
      throw .tooManyBytes(path: path, byteCount: byteCount)
    }
    let isMissing = error == .missing
    throw .unreadable(
      path: path, reason: isMissing ? String(cString: strerror(ENOENT)) : error.reason)
  }
}
