import CMPI
import Glibc
import Synchronization

/// The ranks that work on one job, and what they say to each other.
///
/// A *solo* communicator is a world of one rank that never touches MPI: a program started without
/// `mpirun` uses the same code. Every collective call must be made by every rank, in the same
/// order.
///
/// `@unchecked Sendable`: all properties are constants and the handle is only passed on to MPI.
/// MPI itself is asked for the level *serialized*: threads may take turns, but not overlap.
public final class Communicator: @unchecked Sendable {
  /// This process, 0 ..< `size`.
  public let rank: Int
  public let size: Int
  public let hostName: String
  /// What MPI granted; `multiple` for a solo communicator, which shares nothing.
  public let threadLevel: ThreadLevel

  /// Nil: solo.
  let raw: MPI_Comm?
  /// The most elements that one C call may carry; longer ones are cut. Lower in tests only.
  package let largestCount: Int

  public var isSolo: Bool { raw == nil }

  init(
    rank: Int, size: Int, hostName: String, threadLevel: ThreadLevel, raw: MPI_Comm?,
    largestCount: Int = Int(Int32.max)
  ) {
    self.rank = rank
    self.size = size
    self.hostName = hostName
    self.threadLevel = threadLevel
    self.raw = raw
    self.largestCount = largestCount
  }

  /// A world of one rank, without MPI.
  public static let solo = Communicator(
    rank: 0, size: 1, hostName: localHostName(), threadLevel: .multiple, raw: nil)

  private static let started = Mutex<Communicator?>(nil)

  /// All ranks of the job, or `solo` if no launcher started this process.
  ///
  /// The first call starts MPI (`MPI_Init_thread`) and makes its errors return, so that they become
  /// `MPIError`s; later calls give the same object.
  ///
  /// *Collective* in its first call.
  public static func world() throws(MPIError) -> Communicator {
    try started.withLock { (known) throws(MPIError) in
      if let known { return known }
      let launch = Launch.ofThisProcess
      let made: Communicator
      if launch.knowsMPI {
        made = try start(launch)
      } else if let count = launch.taskCount, count > 1 {
        // Several tasks that cannot see each other would all write the same run.
        throw .worldIncomplete(launched: count, seen: 1)
      } else {
        made = solo
      }
      known = made
      return made
    }
  }

  private static func start(_ launch: Launch) throws(MPIError) -> Communicator {
    var isOver: Int32 = 0
    try check(MPI_Finalized(&isOver), "MPI_Finalized")
    if isOver != 0 { throw .alreadyFinished }

    var level: Int32 = 0
    var isRunning: Int32 = 0
    try check(MPI_Initialized(&isRunning), "MPI_Initialized")
    if isRunning == 0 {
      try check(
        MPI_Init_thread(nil, nil, Int32(MPI_THREAD_SERIALIZED), &level), "MPI_Init_thread")
    } else {
      try check(MPI_Query_thread(&level), "MPI_Query_thread")
    }
    let threadLevel = ThreadLevel(code: level)
    guard threadLevel >= .funneled else { throw .threadLevelTooLow(granted: threadLevel) }

    let world = cmpi_world()
    try check(MPI_Comm_set_errhandler(world, cmpi_errors_return()), "MPI_Comm_set_errhandler")
    var rank: Int32 = 0
    var size: Int32 = 0
    try check(MPI_Comm_rank(world, &rank), "MPI_Comm_rank")
    try check(MPI_Comm_size(world, &size), "MPI_Comm_size")
    if let launched = launch.taskCount, launched > Int(size) {
      throw .worldIncomplete(launched: launched, seen: Int(size))
    }
    return Communicator(
      rank: Int(rank), size: Int(size), hostName: localHostName(), threadLevel: threadLevel,
      raw: world)
  }

  /// Waits until every rank is here. *Collective.* The C function is `MPI_Barrier`.
  public func barrier() throws(MPIError) {
    guard let raw else { return }
    try check(MPI_Barrier(raw), "MPI_Barrier")
  }

  /// Ends the processes of all ranks with the exit code `code`, without waiting for them.
  ///
  /// For a rank that cannot reach the next agreed point. The C function is `MPI_Abort`.
  public func abort(code: Int32) -> Never {
    if let raw { MPI_Abort(raw, code) }
    exit(code)  // allowed to exit: the caller asked for the end
  }

  /// Finishes MPI; no rank may communicate afterwards. Does nothing when solo or already finished.
  ///
  /// *Collective.* The C function is `MPI_Finalize`.
  public func finalize() throws(MPIError) {
    guard raw != nil, Self.isRunning else { return }
    try check(MPI_Finalize(), "MPI_Finalize")
  }

  /// MPI was started in this process and not yet finished.
  static var isRunning: Bool {
    var isStarted: Int32 = 0
    var isOver: Int32 = 0
    MPI_Initialized(&isStarted)
    MPI_Finalized(&isOver)
    return isStarted != 0 && isOver == 0
  }

  /// The same ranks, but no C call carries more than `count` elements: tests reach with it what
  /// happens beyond the 2³¹ - 1 elements of the C interface.
  package func limited(toCount count: Int) -> Communicator {
    precondition(count > 0 && count <= Int(Int32.max), "count \(count)")
    return Communicator(
      rank: rank, size: size, hostName: hostName, threadLevel: threadLevel, raw: raw,
      largestCount: count)
  }
}

private func localHostName() -> String {
  var name = [CChar](repeating: 0, count: 257)
  guard gethostname(&name, 256) == 0 else { return "unknown-host" }
  // A host's name is letters, digits, dots and hyphens; it stands between spaces in status files.
  let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    .map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
  return String(decoding: bytes, as: UTF8.self)
}
