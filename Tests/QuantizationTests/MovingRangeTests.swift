import Quantization
import Testing

@Suite struct MovingRangeTests {
  @Test func `the first batch sets the range, later ones move it by the momentum`() {
    var range = MovingRange()
    #expect(range.isEmpty)
    range.observe(low: -1, high: 2, momentum: 0.1)
    #expect(range.low == -1 && range.high == 2 && range.batchCount == 1)
    range.observe(low: -3, high: 4, momentum: 0.25)
    #expect(range.low == -1.5 && range.high == 2.5 && range.batchCount == 2)
    #expect(!range.isEmpty)
  }

  @Test func `extremes that are no numbers, or upside down, are passed over`() {
    var range = MovingRange(low: -1, high: 1, batchCount: 7)
    let before = range
    range.observe(low: -.infinity, high: 1, momentum: 0.5)
    range.observe(low: 0, high: .nan, momentum: 0.5)
    range.observe(low: 1, high: 0, momentum: 0.5)
    #expect(range == before)
  }
}
