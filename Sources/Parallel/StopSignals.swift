import Glibc
import Synchronization

/// Asks a run to stop at the next step boundary: set by USR1, TERM or INT, or by the end that `mpirun` prepares.
///
/// A handler runs between any two instructions, so it may not allocate, lock or call into the Swift
/// runtime. It is a C function without captures that reads the clock and writes two lock-free
/// atomics of this file; `install` touches all before any signal can arrive, so that their lazy
/// initialisation is over by then. The training loop polls `isRequested` and sends it along with
/// the maxima, so that all ranks stop after the same step.
///
/// A second signal takes its default action and ends the process. Launchers may deliver one request
/// twice, to the rank itself and through `mpirun`: repetitions within two seconds are one request.
///
/// Open MPI's `mpirun` passes neither an interrupt nor a TERM on. It ends the job: it sends CONT to every
/// rank, TERM a second later, and KILL two seconds after that. So a CONT from the launcher is a request
/// too, which gives the ranks those three seconds, and the first TERM behind it is the same request.
public enum StopSignals {
  public static let numbers: [Int32] = [SIGUSR1, SIGTERM, SIGINT]

  /// Installs the handlers and clears an earlier request.
  public static func install() {
    requestTime.store(0, ordering: .sequentiallyConsistent)
    requestNumber.store(0, ordering: .sequentiallyConsistent)
    launcher.store(endingLauncher() ?? 0, ordering: .sequentiallyConsistent)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = handleStop
    // Reads and writes that a signal interrupts go on.
    action.sa_flags = SA_RESTART
    sigemptyset(&action.sa_mask)
    for number in numbers { sigaction(number, &action, nil) }
    action.__sigaction_handler.sa_sigaction = handleContinuation
    action.sa_flags = SA_RESTART | SA_SIGINFO
    sigaction(SIGCONT, &action, nil)
  }

  /// Gives the signals their default actions back. A request stays.
  public static func uninstall() {
    for number in numbers + [SIGCONT] { signal(number, SIG_DFL) }
  }

  /// The process of Open MPI that started this one and ends it with CONT, TERM and KILL; `nil` under
  /// another launcher, and where `mpirun` was asked to pass on that it was suspended and resumed, for
  /// then a CONT says only that.
  private static func endingLauncher() -> Int32? {
    guard getenv("OMPI_COMM_WORLD_RANK") != nil,
      getenv("OMPI_MCA_orte_forward_job_control").map({ String(cString: $0) }) ?? "0" == "0"
    else { return nil }
    let parent = getppid()
    var name = [UInt8](repeating: 0, count: 64)
    let file = open("/proc/\(parent)/comm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let count = read(file, &name, name.count)
    let text = String(decoding: name.prefix(max(count, 0)).prefix { $0 != 0x0A }, as: UTF8.self)
    return ["mpirun", "mpiexec", "orterun", "orted"].contains(text) ? parent : nil
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
/// Whose CONT is a request; 0 if nobody's.
private let launcher = Atomic<Int32>(0)
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
  } else if number == SIGTERM, requestNumber.load(ordering: .relaxed) == SIGCONT {
    requestNumber.store(number, ordering: .relaxed)
  } else if number != SIGCONT, now - first > repetitionNanoseconds {
    // Blocked until this handler returns; then it ends the process.
    signal(number, SIG_DFL)
    raise(number)
  }
}

/// A CONT of anybody but the launcher goes on, as it always does, and is no request.
private func handleContinuation(
  _ number: Int32, _ information: UnsafeMutablePointer<siginfo_t>?,
  _ context: UnsafeMutableRawPointer?
) {
  guard let information, information.pointee.si_code == SI_USER,
    information.pointee._sifields._kill.si_pid == launcher.load(ordering: .relaxed)
  else { return }
  handleStop(number)
}
