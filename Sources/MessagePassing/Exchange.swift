import CMPI

/// A fixed set of messages between ranks, planned once and run as often as wanted.
///
/// The C functions are `MPI_Send_init` and `MPI_Recv_init` (persistent requests), `MPI_Startall`,
/// `MPI_Testall` and `MPI_Waitall`. Running it allocates nothing here. The memory belongs to the caller and must
/// outlive it; it may not be touched between `start()` and the end of `wait()`, except that sent
/// memory may be read. After an error messages may still be under way: end the process.
///
/// Messages between two ranks with one tag meet in the order of the lists.
public final class Exchange {
  /// What is sent to, or received from, the rank `peer`.
  public struct Message {
    public var peer: Int
    /// Tells messages between the same two ranks apart; 0 ... 32767.
    public var tag: Int
    public var values: UnsafeMutablePointer<Float>
    public var count: Int
    /// Goes its way without values: says that something in shared memory is ready.
    var isToken = false

    public init(peer: Int, tag: Int, values: UnsafeMutablePointer<Float>, count: Int) {
      self.peer = peer
      self.tag = tag
      self.values = values
      self.count = count
    }

    /// A message without values.
    ///
    /// - Parameter place: any address; nothing is read or written there.
    public static func token(peer: Int, tag: Int, place: UnsafeMutablePointer<Float>) -> Message {
      var message = Message(peer: peer, tag: tag, values: place, count: 0)
      message.isToken = true
      return message
    }
  }

  private let requests: UnsafeMutablePointer<MPI_Request?>
  private var requestCount = 0

  /// Plans the messages; those without values are left out, but for tokens. A solo communicator takes none.
  ///
  /// Receives are posted before sends, so that no arriving message needs an intermediate copy.
  public init(
    sends: [Message], receives: [Message], communicator: Communicator
  ) throws(MPIError) {
    var planned: [(message: Message, part: Range<Int>, isSend: Bool)] = []
    for (messages, isSend) in [(receives, false), (sends, true)] {
      for message in messages {
        let parts = message.isToken ? [0..<0] : communicator.parts(of: message.count)
        planned += parts.map { (message, $0, isSend) }
      }
    }
    requests = .allocate(capacity: max(planned.count, 1))
    requests.initialize(repeating: cmpi_request_null(), count: max(planned.count, 1))
    guard let raw = communicator.raw else {
      precondition(planned.isEmpty, "a solo communicator has no other rank to write to")
      return
    }
    precondition(planned.count <= Int(Int32.max), "\(planned.count) messages")
    for (message, part, isSend) in planned {
      precondition(
        message.peer >= 0 && message.peer < communicator.size && message.peer != communicator.rank,
        "rank \(communicator.rank) of \(communicator.size) cannot exchange with \(message.peer)")
      precondition(message.tag >= 0 && message.tag <= 32767, "tag \(message.tag)")
      let base = message.values + part.lowerBound
      let (count, peer) = (Int32(part.count), Int32(message.peer))
      let (tag, slot) = (Int32(message.tag), requests + requestCount)
      if isSend {
        try check(MPI_Send_init(base, count, cmpi_float(), peer, tag, raw, slot), "MPI_Send_init")
      } else {
        try check(MPI_Recv_init(base, count, cmpi_float(), peer, tag, raw, slot), "MPI_Recv_init")
      }
      requestCount += 1
    }
  }

  deinit {
    if requestCount > 0, Communicator.isRunning {
      for index in 0..<requestCount { MPI_Request_free(requests + index) }
    }
    requests.deallocate()
  }

  /// Starts all messages and returns at once.
  public func start() throws(MPIError) {
    guard requestCount > 0 else { return }
    try check(MPI_Startall(Int32(requestCount), requests), "MPI_Startall")
  }

  /// Whether all messages have arrived and all sent memory may be written again; asking moves them
  /// on. Messages not started count as arrived.
  public func isComplete() throws(MPIError) -> Bool {
    guard requestCount > 0 else { return true }
    var flag: Int32 = 0
    try check(
      MPI_Testall(Int32(requestCount), requests, &flag, cmpi_statuses_ignore()), "MPI_Testall")
    return flag != 0
  }

  /// Waits until all messages have arrived and all sent memory may be written again.
  public func wait() throws(MPIError) {
    guard requestCount > 0 else { return }
    try check(
      MPI_Waitall(Int32(requestCount), requests, cmpi_statuses_ignore()), "MPI_Waitall")
  }
}
