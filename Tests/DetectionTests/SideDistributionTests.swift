import Detection
import Foundation
import Testing

@Suite struct SideDistributionTests {
  @Test(arguments: [0.1, 4.0, 60.0])
  func `softmax, distance and log-sum agree with Double`(scale: Double) {
    let logits = GoldenFormula.signed(count: 16, name: "side \(scale)", scale: scale)
    let x = logits.map(Double.init)
    let p = PlainLoss.softmax(x[...])
    let side = SideDistribution(logits: logits)
    for bin in 0..<16 { #expect(abs(Double(side.probabilities[bin]) - p[bin]) < 3e-7) }
    let distance = p.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element }
    // Up to 15 times the error of a probability.
    #expect(abs(Double(side.distance) - distance) < 5e-6)
    let logSum = log(x.reduce(0) { $0 + exp($1) })
    #expect(abs(Double(side.logSum) - logSum) < 1e-6 * max(1, abs(logSum)))
  }

  @Test(arguments: [-3, 0, 0.25, 7, 14.5, 14.99, 15, 80] as [Float])
  func `a wanted distance lies between two bins, clipped to 14.99`(distance: Float) {
    let target = TwoBinTarget(distance: distance)
    let clipped = min(max(distance, 0), 14.99)
    #expect(target.left >= 0 && target.left <= 14)
    #expect(abs(target.leftWeight + target.rightWeight - 1) < 1e-6)
    let mean = target.leftWeight * Float(target.left) + target.rightWeight * Float(target.left + 1)
    #expect(abs(mean - clipped) < 2e-6)
  }

  @Test func `a NaN among the logits is not hidden`() {
    var logits = [Float](repeating: 0, count: 16)
    logits[3] = .nan
    #expect(SideDistribution(logits: logits).distance.isNaN)
  }
}
