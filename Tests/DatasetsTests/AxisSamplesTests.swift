import Datasets
import Testing

@Suite struct AxisSamplesTests {
  /// An axis of 100 outputs that shows a tile of `extent` pixels.
  private func samples(scale: Double, isFlipped: Bool, extent: Int) -> AxisSamples {
    var samples = AxisSamples()
    samples.set(
      size: 100, scale: scale, shift: 47.3, isFlipped: isFlipped,
      region: (-20, Double(extent) - 20), origin: -20, extent: extent)
    return samples
  }

  @Test(arguments: [0.5, 1, 1.43], [false, true])
  func `Four channels at a time give the bytes of one at a time, and touch no others`(
    scale: Double, isFlipped: Bool
  ) {
    for extent in [1, 2, 7, 64, 300] {
      let samples = samples(scale: scale, isFlipped: isFlipped, extent: extent)
      // 8.8 bits up to the greatest there are; the last four are the neighbour at weight 0.
      let row = (0..<(extent * 3 + 4)).map { UInt16(($0 * 7919) % 65281) }
      var fast = [UInt8](repeating: 114, count: 300)
      var plain = fast
      samples.blend(row, into: &fast)
      samples.referenceBlend(row, into: &plain)
      #expect(fast == plain)
      #expect(!samples.outputs.isEmpty)
    }
  }

  @Test func `Made anew they keep nothing of what was there before`() {
    var used = samples(scale: 1.43, isFlipped: true, extent: 64)
    used.set(
      size: 100, scale: 0.5, shift: 47.3, isFlipped: false, region: (-20, 44), origin: -20,
      extent: 64)
    let fresh = samples(scale: 0.5, isFlipped: false, extent: 64)
    #expect(used.outputs == fresh.outputs)
    #expect(used.positions == fresh.positions && used.weights == fresh.weights)
    used.set(
      size: 100, scale: 0.5, shift: 47.3, isFlipped: false, region: (900, 964), origin: 900,
      extent: 64)
    #expect(used.outputs.isEmpty && used.positions.isEmpty)
  }
}
