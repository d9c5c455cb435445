import Glibc

/// The first `limit` bytes of a regular file, or all of them.
///
/// *Throws:* `ImageError.unreadable` with the system's reason.
func readFile(_ path: String, limit: Int = 1 << 30) throws(ImageError) -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else {
    throw .unreadable(path: path, reason: String(cString: strerror(errno)))
  }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    throw .unreadable(path: path, reason: String(cString: strerror(errno)))
  }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw .unreadable(path: path, reason: "it is not a regular file")
  }
  let byteCount = min(Int(status.st_size), limit)
  var failure: CInt = 0
  let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
    while count < byteCount {
      let step = read(descriptor, buffer.baseAddress! + count, byteCount - count)
      if step < 0 && errno == EINTR { continue }
      if step < 0 { failure = errno }
      if step <= 0 { break }
      count += step
    }
  }
  guard failure == 0 else {
    throw .unreadable(path: path, reason: String(cString: strerror(failure)))
  }
  return bytes
}
