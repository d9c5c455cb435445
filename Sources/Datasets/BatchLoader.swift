import Foundation

/// Makes batches ahead of their use, on threads of its own, and hands them out in the order asked.
///
/// The threads end when the last request is made, or when the loader is released. What the batches
/// hold does not depend on the number of threads.
public final class BatchLoader: Sendable {
  private let work: Work

  /// - Parameters:
  ///   - requests: the batches to make, e.g. those of this rank's shards in an epoch.
  ///   - threads: 0 makes each batch when it is asked for.
  ///   - depth: how many finished batches may wait; bounds the memory.
  public init(
    _ pictures: PictureCache, seed: UInt64, requests: [BatchRequest], threads: Int = 1,
    depth: Int = 4
  ) {
    precondition(threads >= 0 && depth > 0, "\(threads) threads, depth \(depth)")
    work = Work(pictures: pictures, seed: seed, requests: requests, depth: depth)
    guard threads > 0 else { return }
    for i in 0..<min(threads, requests.count) {
      // The thread holds `work`, never the loader, whose release is what stops it.
      let thread = Thread { [work] in work.run() }
      thread.name = "batches-\(i)"
      work.threadStarted()
      thread.start()
    }
  }

  deinit { work.stop() }

  /// The batch of the next request; `nil` after the last one.
  ///
  /// - Throws: what went wrong in making this batch; the following ones can still be asked for.
  public func next() throws(DataError) -> Batch? { try work.next() }
}

/// What the loader shares with its threads.
///
/// `@unchecked Sendable`: everything variable is touched only while `condition` is locked.
private final class Work: @unchecked Sendable {
  private let pictures: PictureCache
  private let seed: UInt64
  private let requests: [BatchRequest]
  private let depth: Int

  private let condition = NSCondition()
  private var finished: [Int: Result<Batch, DataError>] = [:]
  /// The next request that no thread has taken, and the next that the consumer gets.
  private var taken = 0
  private var delivered = 0
  private var runningThreads = 0
  private var hasThreads = false
  private var isStopped = false

  init(pictures: PictureCache, seed: UInt64, requests: [BatchRequest], depth: Int) {
    self.pictures = pictures
    self.seed = seed
    self.requests = requests
    self.depth = depth
  }

  func threadStarted() {
    condition.withLock {
      hasThreads = true
      runningThreads += 1
    }
  }

  /// A thread's life.
  func run() {
    while let index = take() {
      let result = make(index)
      condition.withLock {
        finished[index] = result
        condition.broadcast()
      }
    }
    condition.withLock {
      runningThreads -= 1
      condition.broadcast()
    }
  }

  /// Waits until there is room; `nil` when nothing is left to do.
  private func take() -> Int? {
    condition.lock()
    defer { condition.unlock() }
    while !isStopped && taken < requests.count && taken >= delivered + depth { condition.wait() }
    guard !isStopped && taken < requests.count else { return nil }
    taken += 1
    return taken - 1
  }

  private func make(_ index: Int) -> Result<Batch, DataError> {
    Result { () throws(DataError) in try pictures.batch(requests[index], seed: seed) }
  }

  func next() throws(DataError) -> Batch? {
    condition.lock()
    let index = delivered
    guard index < requests.count else {
      condition.unlock()
      return nil
    }
    guard hasThreads else {
      delivered += 1
      condition.unlock()
      return try make(index).get()
    }
    while finished[index] == nil { condition.wait() }
    let result = finished.removeValue(forKey: index)!
    delivered += 1
    condition.broadcast()
    condition.unlock()
    return try result.get()
  }

  /// Ends the threads and waits for them; a batch that is being made is finished first.
  func stop() {
    condition.lock()
    isStopped = true
    condition.broadcast()
    while runningThreads > 0 { condition.wait() }
    condition.unlock()
  }
}
