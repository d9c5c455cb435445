import Tensors

/// Gives buffers their places in one block of memory, so that those never alive together share it.
///
/// Largest first, each at the lowest place free during its whole life. The result depends on the
/// requests alone.
package struct MemoryPlanner {
  private struct Request {
    var byteCount: Int
    var birth: Int
    var death: Int
    var offset = 0
  }

  private var requests: [Request] = []

  package init() {}

  /// Asks for memory that holds its contents from time `birth` to time `death`, both included.
  package mutating func request(byteCount: Int, from birth: Int, to death: Int) -> Int {
    precondition(birth <= death, "a buffer that dies at \(death), before its birth at \(birth)")
    let line = AlignedBuffer.alignment
    // One line more than asked for: a vector read may touch the bytes behind the last element.
    requests.append(
      Request(byteCount: (byteCount + 2 * line - 1) / line * line, birth: birth, death: death))
    return requests.count - 1
  }

  /// The offsets by request, and the size of the block.
  package func plan() -> (offsets: [Int], byteCount: Int) {
    var requests = self.requests
    let order = requests.indices.sorted {
      (requests[$1].byteCount, $0) < (requests[$0].byteCount, $1)
    }
    var placed: [Int] = []
    var total = 0
    for index in order {
      let request = requests[index]
      let neighbours = placed.filter {
        requests[$0].birth <= request.death && request.birth <= requests[$0].death
      }.sorted { requests[$0].offset < requests[$1].offset }
      var offset = 0
      for other in neighbours {
        if offset + request.byteCount <= requests[other].offset { break }
        offset = max(offset, requests[other].offset + requests[other].byteCount)
      }
      requests[index].offset = offset
      total = max(total, offset + request.byteCount)
      placed.append(index)
    }
    return (requests.map(\.offset), total)
  }
}
