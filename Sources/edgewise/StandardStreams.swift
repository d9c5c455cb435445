import Glibc
import Synchronization

/// The door for results: what was asked for, and must not get lost.
enum StandardOutput {
  /// The number of the first error; 0 before.
  private static let failure = Atomic<Int32>(0)

  /// Writes `text` as it is, at once.
  ///
  /// What cannot be written is remembered: the command then ends with 74.
  static func write(_ text: String) {
    guard failure.load(ordering: .relaxed) == 0 else { return }
    if let number = writeAll(text, to: STDOUT_FILENO) {
      failure.store(number, ordering: .relaxed)
    }
  }

  /// Writes text that says how the work goes on. Whether it is read decides nothing.
  static func show(_ text: String) { _ = writeAll(text, to: STDOUT_FILENO) }

  /// The exit code of a command whose results did not arrive, after one sentence; `nil` where all did.
  ///
  /// No sentence for a reader that has read enough, such as `head`.
  static func lostResults() -> Int32? {
    let number = failure.load(ordering: .relaxed)
    guard number != 0 else { return nil }
    if number != EPIPE {
      let reason = number == EBADF ? "it is closed" : String(cString: strerror(number))
      complain(
        "standard output cannot be written (\(reason)), so results are missing; check where it leads"
      )
    }
    return 74
  }
}

/// The door for errors and advice. What cannot be written there changes nothing.
enum StandardError {
  /// Writes `text` as it is, at once.
  static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }
}

/// Writes all of `text`; the C function is `write`.
///
/// - Returns: the number of the error that kept something from being written.
private func writeAll(_ text: String, to descriptor: Int32) -> Int32? {
  var text = text
  return text.withUTF8 { bytes in
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count >= 0 {
        done += count
      } else if errno == EAGAIN {
        // Whoever shares the terminal has made it non-blocking.
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&wait, 1, -1)
      } else if errno != EINTR {
        return errno
      }
    }
    return nil
  }
}
