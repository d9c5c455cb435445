import Dispatch
import Foundation
import Synchronization

/// How many threads reading and writing take where nothing else is said: the processors that this
/// process may use.
public var availableProcessorCount: Int { max(ProcessInfo.processInfo.activeProcessorCount, 1) }

/// `[body(state, 0), body(state, 1), …]`, computed on up to `threads` threads, each with a state of
/// its own. Which thread computes which element is left open; the order of the result is not.
///
/// - Throws: the error of the lowest index that failed.
func concurrentMap<State, Value>(
  count: Int, threads: Int, state makeState: () throws(CheckpointError) -> State,
  _ body: @Sendable (State, Int) throws(CheckpointError) -> Value
) throws(CheckpointError) -> [Value] {
  let workers = max(1, min(threads, count))
  if workers == 1 {
    let state = try makeState()
    var values: [Value] = []
    values.reserveCapacity(count)
    for index in 0..<count { values.append(try body(state, index)) }
    return values
  }
  var made: [State] = []
  for _ in 0..<workers { made.append(try makeState()) }
  // Each worker uses its own alone.
  nonisolated(unsafe) let states = made
  var results = [Result<Value, CheckpointError>?](repeating: nil, count: count)
  let next = Atomic(0)
  results.withUnsafeMutableBufferPointer { slots in
    // Each slot is written by the one worker that drew its index, and read after all have ended.
    nonisolated(unsafe) let slots = slots
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        slots[index] = Result { () throws(CheckpointError) in try body(states[worker], index) }
      }
    }
  }
  var values: [Value] = []
  values.reserveCapacity(count)
  for result in results { values.append(try result!.get()) }
  return values
}
