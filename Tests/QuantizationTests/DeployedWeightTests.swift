import Quantization
import Tensors
import Testing

@Suite struct DeployedWeightTests {
  static let weight = Tensor(
    [1, -2, 0.5, 0.25, 0, 0, 127, 3] as [Float], shape: [4, 2])

  @Test func `the batch norm's gain goes into scales and signs`() {
    let deployed = DeployedWeight(Self.weight, bits: 8, gain: [2, -3, 1, 0.5])
    #expect(deployed.integers.values(as: Int8.self) == [64, -127, -127, -64, 0, 0, 127, 3])
    #expect(deployed.scales[0] == Float(2) / 127 * 2)
    #expect(deployed.scales[1] == Float(0.5) / 127 * 3)
    #expect(deployed.scales[3] == 0.5)
    for (value, (q, o)) in zip(deployed.values, [(64, 0), (-127, 0), (-127, 1), (-64, 1)]) {
      #expect(value == Float(q) * deployed.scales[o])
    }
  }

  @Test func `a channel without effect has integers 0 and the largest scale`() {
    let deployed = DeployedWeight(Self.weight, bits: 8, gain: [0, 1, 1, 1e-44])
    #expect(deployed.integers.values(as: Int8.self) == [0, 0, 127, 64, 0, 0, 0, 0])
    #expect(Set(deployed.scales) == [0.5 / 127])
    let dead = DeployedWeight(Self.weight, bits: 8, gain: [0, 0, 0, 0])
    #expect(dead.scales == [1, 1, 1, 1])
    #expect(dead.values == [Float](repeating: 0, count: 8))
  }

  @Test func `without a batch norm it is the weight's own grid`() {
    let deployed = DeployedWeight(Self.weight, bits: 8, gain: nil)
    #expect(deployed.integers.values(as: Int8.self) == [64, -127, 127, 64, 0, 0, 127, 3])
    #expect(deployed.scales == [2 / 127, 0.5 / 127, 1, 1])
  }

  @Test func `a bias beyond int32 raises the scale, others stay`() {
    var deployed = DeployedWeight(Self.weight, bits: 8, gain: [1e-9, 1, 1, 1])
    let before = deployed
    deployed.raiseScales(toHold: [3, 3, 3, -3], inputScale: 0.01)
    #expect(deployed.scales[0] == 3 / (0.01 * 0x1p30))
    #expect(deployed.scales[1...] == before.scales[1...])
    // 1e-9·2/127·127 over a scale of 2.8e-7 is less than half an integer.
    #expect(deployed.integers.values(as: Int8.self)[..<2] == [0, 0])
    #expect(
      deployed.integers.values(as: Int8.self)[2...] == before.integers.values(as: Int8.self)[2...])
  }
}
