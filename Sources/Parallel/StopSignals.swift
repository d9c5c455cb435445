import Glibc
import Synchronization

/// Asks a run to stop at the next step boundary: set by USR1, TERM or INT.
///
/// A handler runs between any two instructions, so it may not allocate, lock or call into the Swift
/// runtime. It is a C function without captures that reads the clock and writes two lock-free
/// atomics of this file; `install` touches both before any signal can arrive, so that their lazy
/// initialisation is over by then. The training loop polls `isRequested` and sends it along with
/// the maxima, so that all ranks stop after the same step.
///
/// A second signal takes its default action and ends the process. Launchers may deliver one request
/// twice, to the rank itself and through `mpirun`: repetitions within two seconds are one request.
public enum StopSignals {
  public static let numbers: [Int32] = [SIGUSR1, SIGTERM, SIGINT]

  /// Installs the handlers and clears an earlier request.
  public static func install() {
    requestTime.store(0, ordering: .sequentiallyConsistent)
    requestNumber.store(0, ordering: .sequentiallyConsistent)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = handleStop
    // Reads and writes that a signal interrupts go on.
    action.sa_flags = SA_RESTART
    sigemptyset(&action.sa_mask)
    for number in numbers { sigaction(number, &action, nil) }
  }

  /// Gives the signals their default actions back. A request stays.
  public static func uninstall() {
    for number in numbers { signal(number, SIG_DFL) }
  }

  /// A signal has arrived since `install`.
  public static var isRequested: Bool { requestTime.load(ordering: .relaxed) != 0 }

  /// Time since the request, or `nil` without one.
  static var secondsSinceRequest: Double? {
    let time = requestTime.load(ordering: .relaxed)
    return time == 0 ? nil : Double(monotonicNanoseconds() - time) * 1e-9
  }

  /// The signal that made the request.
  public static var requestedBy: Int32? {
    isRequested ? requestNumber.load(ordering: .relaxed) : nil
  }
}

/// Monotonic nanoseconds at the first signal; 0 before.
private let requestTime = Atomic<Int64>(0)
private let requestNumber = Atomic<Int32>(0)
private let repetitionNanoseconds: Int64 = 2_000_000_000

/// Calls only what POSIX allows in a handler: clock_gettime, signal, raise.
private func handleStop(_ number: Int32) {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  let now = max(Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec), 1)
  let first = requestTime.load(ordering: .relaxed)
  if first == 0 {
    requestNumber.store(number, ordering: .relaxed)
    requestTime.store(now, ordering: .relaxed)
  } else if now - first > repetitionNanoseconds {
    // Blocked until this handler returns; then it ends the process.
    signal(number, SIG_DFL)
    raise(number)
  }
}
