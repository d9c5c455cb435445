import Glibc

/// What must be true of the process before anything opens a file, writes or starts a program.
enum StandardDescriptors {
  /// Takes the numbers 0, 1 and 2 where they are closed, so that no file of a run gets one of them, and
  /// text for a terminal ends up inside a checkpoint.
  ///
  /// They read as empty and refuse to be written, so that results for a closed output are missed.
  static func reserve() {
    for number: Int32 in 0...2 where fcntl(number, F_GETFD) == -1 && errno == EBADF {
      // The lowest free number is given, which is this one.
      if open("/dev/null", O_RDONLY) < 0 { _ = open("/", O_RDONLY) }
    }
  }

  /// Lets a write to a pipe without reader fail with EPIPE instead of ending the process.
  ///
  /// By a handler that does nothing, for programs started later get the default action back from a
  /// handler, but would inherit that the signal is ignored.
  static func surviveBrokenPipes() {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    action.sa_flags = SA_RESTART
    sigemptyset(&action.sa_mask)
    sigaction(SIGPIPE, &action, nil)
  }
}
