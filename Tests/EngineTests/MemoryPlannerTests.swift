import Engine
import Tensors
import Testing

@Suite struct MemoryPlannerTests {
  struct Request {
    var byteCount, birth, death: Int
  }

  private func requests(seed: UInt64) -> [Request] {
    var random = Philox(seed: seed)
    let moments = 1 + random.integer(below: 40)
    return (0..<1 + random.integer(below: 120)).map { _ in
      let birth = random.integer(below: moments)
      return Request(
        byteCount: random.integer(below: 5) == 0 ? 64 : random.integer(below: 10_000),
        birth: birth, death: birth + random.integer(below: 12))
    }
  }

  private func plan(_ requests: [Request]) -> (offsets: [Int], byteCount: Int) {
    var planner = MemoryPlanner()
    for (index, request) in requests.enumerated() {
      let number = planner.request(
        byteCount: request.byteCount, from: request.birth, to: request.death)
      #expect(number == index)
    }
    return planner.plan()
  }

  @Test(arguments: 1...60) func `buffers alive together never share a byte`(seed: UInt64) {
    let requests = requests(seed: seed)
    let (offsets, byteCount) = plan(requests)
    for (i, a) in requests.enumerated() {
      #expect(offsets[i] % AlignedBuffer.alignment == 0)
      #expect(offsets[i] >= 0 && offsets[i] + a.byteCount <= byteCount)
      for j in 0..<i where a.birth <= requests[j].death && requests[j].birth <= a.death {
        let apart =
          offsets[i] + a.byteCount <= offsets[j]
          || offsets[j] + requests[j].byteCount <= offsets[i]
        #expect(apart, "\(a) at \(offsets[i]), \(requests[j]) at \(offsets[j])")
      }
    }
  }

  @Test(arguments: 1...10) func `the same requests get the same places`(seed: UInt64) {
    let requests = requests(seed: seed)
    #expect(plan(requests) == plan(requests))
  }

  @Test func `buffers one after another share their memory`() {
    let chain = (0..<50).map { Request(byteCount: 1000, birth: $0, death: $0 + 1) }
    // Two are alive at a time; each has the line behind it.
    #expect(plan(chain).byteCount == 2 * 1088)
  }
}
