import Engine
import Glibc
import Tensors
import Testing

@Suite struct LanesTests {
  /// The error of `exponential` at sixteen points, in units of the last place of the true value.
  private func worstError(_ x: Lanes) -> Double {
    let y = x.exponential()
    var worst = 0.0
    for i in 0..<Lanes.width {
      let truth = exp(Double(x[i]))
      worst = max(worst, abs(Double(y[i]) - truth) / Double(Float(truth).ulp))
    }
    return worst
  }

  @Test func `e^x is within 3 units in the last place from -87 to 88`() {
    // Every float of a stride through the range: steps of 1/4096 and a lane's offset within it.
    var worst = 0.0
    var offsets = Lanes(repeating: 0)
    for i in 0..<Lanes.width { offsets[i] = Float(i) / Float(Lanes.width * 4096) }
    for step in -87 * 4096..<88 * 4096 {
      worst = max(worst, worstError(Lanes(repeating: Float(step) / 4096) + offsets))
    }
    #expect(worst <= 3, "worst error \(worst)")
    // Not a bound that anything would meet.
    #expect(worst > 0.5, "worst error \(worst)")
  }

  @Test func `e^x near zero, where most logits are`() {
    var random = Philox(seed: 3)
    var worst = 0.0
    for _ in 0..<100_000 {
      var x = Lanes(repeating: 0)
      for i in 0..<Lanes.width { x[i] = random.uniform(-1, 1) }
      worst = max(worst, worstError(x))
    }
    #expect(worst <= 3, "worst error \(worst)")
    #expect(Lanes(repeating: 0).exponential() == Lanes(repeating: 1))
    #expect(Lanes(repeating: -0.0).exponential() == Lanes(repeating: 1))
  }

  @Test func `e^x stops at its ends and keeps NaN`() {
    #expect(Lanes(repeating: 1e30).exponential() == Lanes(repeating: 88).exponential())
    #expect(Lanes(repeating: .infinity).exponential() == Lanes(repeating: 88).exponential())
    #expect(Lanes(repeating: -1e30).exponential() == Lanes(repeating: -87).exponential())
    #expect(Lanes(repeating: -.infinity).exponential() == Lanes(repeating: -87).exponential())
    #expect(Lanes(repeating: .nan).exponential()[7].isNaN)
  }

  @Test func `rounding is to the nearest, ties to even`() {
    for half in -2 * 1000...2 * 1000 {
      let tie = Float(half) / 2
      for x in [tie, tie.nextUp, tie.nextDown] {
        #expect(Lanes(repeating: x).roundedToEven()[3] == x.rounded(.toNearestOrEven), "\(x)")
      }
    }
    let large: [Float] = [0x1p22 - 0.5, 0x1p22 - 1.5, -0x1p22 + 0.5, 4_194_302.5]
    for x in large {
      #expect(Lanes(repeating: x).roundedToEven()[0] == x.rounded(.toNearestOrEven), "\(x)")
    }
  }

  @Test(arguments: 1...16) func `part of the lanes touches no memory beyond`(count: Int) {
    var source = (0..<32).map { Float($0 + 1) }
    let lanes = source.withUnsafeBufferPointer {
      Lanes(loading: $0.baseAddress!, count: count)
    }
    for i in 0..<16 { #expect(lanes[i] == (i < count ? Float(i + 1) : 0)) }
    source.withUnsafeMutableBufferPointer {
      Lanes(repeating: -1).store($0.baseAddress!, count: count)
    }
    for i in 0..<32 { #expect(source[i] == (i < count ? -1 : Float(i + 1))) }
  }
}
