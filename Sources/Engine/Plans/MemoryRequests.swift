import Tensors

/// Buffers asked for while a plan is laid out; each lives from the first to the last time it is touched.
struct MemoryRequests {
  private var byteCounts: [Int] = []
  private var births: [Int] = []
  private var deaths: [Int] = []

  mutating func request(byteCount: Int) -> Int {
    byteCounts.append(byteCount)
    births.append(Int.max)
    deaths.append(Int.min)
    return byteCounts.count - 1
  }

  mutating func touch(_ request: Int, at time: Int) {
    births[request] = min(births[request], time)
    deaths[request] = max(deaths[request], time)
  }

  /// Gives every buffer its place; one that was never touched has none.
  func place() -> Places {
    var planner = MemoryPlanner()
    var numbers: [Int?] = []
    for i in byteCounts.indices {
      numbers.append(
        births[i] <= deaths[i]
          ? planner.request(byteCount: byteCounts[i], from: births[i], to: deaths[i]) : nil)
    }
    let (offsets, byteCount) = planner.plan()
    return Places(
      memory: AlignedBuffer(byteCount: byteCount), offsets: numbers.map { $0.map { offsets[$0] } })
  }

  /// Addresses of what was given out.
  struct Places {
    let memory: AlignedBuffer
    fileprivate let offsets: [Int?]

    fileprivate init(memory: AlignedBuffer, offsets: [Int?]) {
      (self.memory, self.offsets) = (memory, offsets)
    }

    func address(_ request: Int) -> UnsafeMutableRawPointer {
      guard let offset = offsets[request] else {
        preconditionFailure("buffer \(request) is used but was never touched")
      }
      return memory.base + offset
    }
  }
}
