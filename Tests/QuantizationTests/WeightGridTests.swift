import Graphs
import Quantization
import Tensors
import Testing

@Suite struct WeightGridTests {
  @Test func `each output channel has the scale of its largest weight`() {
    let weight = Tensor([0.5, -2, 1, 0, 0, 0, 3, 0.1, -0.1] as [Float], shape: [3, 3])
    let grid = WeightGrid(weight, bits: 8)
    #expect(grid.limit == 127)
    #expect(grid.scales == [2 / 127, 1, 3 / 127])
    #expect(
      grid.quantize(weight).values(as: Int8.self)
        == [32, -127, 64, 0, 0, 0, 127, 4, -4])
    let real = grid.fakeQuantize(weight)
    #expect(real.values(as: Float.self)[1] == Float(-127) * (2 / 127))
    #expect(WeightGrid(real, bits: 8).quantize(real).isBitwiseEqual(to: grid.quantize(weight)))
  }

  @Test(arguments: 2...8) func `integers stay within the symmetric limit`(bits: Int) {
    var random = Philox(seed: 1)
    let weight = Tensor((0..<64).map { _ in random.uniform(-1, 1) }, shape: [4, 16])
    let grid = WeightGrid(weight, bits: bits)
    let limit = Int8(1 << (bits - 1) - 1)
    let integers = grid.quantize(weight).values(as: Int8.self)
    for o in 0..<4 {
      #expect(integers[o * 16..<o * 16 + 16].map { abs($0) }.max() == limit)
    }
    for (a, b) in zip(
      weight.values(as: Float.self), grid.fakeQuantize(weight).values(as: Float.self))
    {
      #expect(abs(a - b) <= 0.501 * grid.scales.max()!)
    }
  }

  @Test func `weights that are no numbers do not stop the program`() {
    let weight = Tensor([.nan, 1, .infinity, -.infinity] as [Float], shape: [2, 2])
    let grid = WeightGrid(weight, bits: 8)
    #expect(grid.scales == [1 / 127, 1])
    #expect(grid.quantize(weight).values(as: Int8.self) == [127, 127, 127, -127])
  }

  @Test func `folding batch norm after quantizing changes scales and signs, never integers`() throws
  {
    var builder = GraphBuilder(name: "folding")
    let image = builder.input("image", shape: [4, 4, 3])
    let conv = builder.node(
      .convolution(channels: 8, kernel: 3, stride: 1, padding: 1, groups: 1, bias: false), image,
      name: "conv")
    builder.output(
      builder.node(.batchNorm(epsilon: 1e-3, momentum: 0.03), conv, name: "bn"))
    let graph = builder.graph
    var random = Philox(seed: 9)
    var weights = NamedWeights()
    for parameter in graph.parameters {
      let low: Float = parameter.role == .runningVariance ? 0.01 : -1
      weights[parameter.name] = Tensor(
        (0..<parameter.shape.elementCount).map { _ in random.uniform(low, 1) },
        shape: parameter.shape)
    }
    let gains = weights["bn.weight"]!.values(as: Float.self)
    #expect(gains.contains { $0 < 0 } && gains.contains { $0 > 0 })

    let weight = weights["conv.weight"]!
    let trained = WeightGrid(weight, bits: 8).quantize(weight).values(as: Int8.self)
    weights["conv.weight"] = WeightGrid(weight, bits: 8).fakeQuantize(weight)
    let folded = try graph.foldingBatchNorm(weights).weights["conv.weight"]!
    let deployed = WeightGrid(folded, bits: 8).quantize(folded).values(as: Int8.self)
    for (index, (a, b)) in zip(trained, deployed).enumerated() {
      #expect(b == (gains[index / 27] < 0 ? -a : a))
    }
  }
}
