import Engine
import Quantization
import Tensors
import Testing

@Suite struct WeightQuantizationTests {
  @Test(arguments: [1, 3, 15, 16, 17, 27, 144, 289], [2, 4, 8])
  func `weights get the very bits of WeightGrid`(count: Int, bits: Int) {
    let O = 19
    var random = Philox(seed: UInt64(count))
    var values = (0..<O * count).map { _ in random.uniform(-1, 1) }
    // A channel of zeros, one of the smallest numbers, one of ties, one with a minus zero.
    for i in 0..<count {
      values[i] = 0
      values[count + i] = .leastNonzeroMagnitude * Float(i % 3)
      values[2 * count + i] = Float(i % 255) - 127 + 0.5
      values[3 * count + i] = -0.0
    }
    values[2 * count] = -127
    let weight = Tensor(values, shape: [O, count])
    let expected = WeightGrid(weight, bits: bits).fakeQuantize(weight)
    var out = Tensor(shape: [O, count])
    let limit = Float((1 << (bits - 1)) - 1)
    out.withMutableElements(as: Float.self) { out in
      values.withUnsafeBufferPointer {
        quantizeWeight(
          $0.baseAddress!, O: O, count: count, limit: limit, real: out.baseAddress!,
          integers: nil, scales: nil)
      }
    }
    #expect(out.isBitwiseEqual(to: expected))
    var integers = [Int8](repeating: 0, count: O * count)
    var scales = [Float](repeating: 0, count: O)
    quantizeWeight(
      values, O: O, count: count, limit: limit, real: nil, integers: &integers, scales: &scales)
    let grid = WeightGrid(weight, bits: bits)
    #expect(scales == grid.scales)
    #expect(integers == grid.quantize(weight).values(as: Int8.self))
  }

  @Test(arguments: [1, 3, 15, 16, 17, 27])
  func `numbers that are none stay in their channel and stop nothing`(count: Int) {
    let strange: [Float] = [.nan, .infinity, -.infinity, 3e38, -3e38, 1]
    var values = [Float](repeating: 0.5, count: strange.count * count)
    for (o, value) in strange.enumerated() { values[o * count + count - 1] = value }
    var integers = [Int8](repeating: 0, count: values.count)
    var scales = [Float](repeating: 0, count: strange.count)
    quantizeWeight(
      values, O: strange.count, count: count, limit: 127, real: nil, integers: &integers,
      scales: &scales)
    #expect(integers.last == 127)
    #expect(integers[3 * count..<5 * count].allSatisfy { abs(Int($0)) <= 127 })
    #expect(integers[4 * count - 1] == 127 && integers[5 * count - 1] == -127)
  }
}
