import Graphs
import Tensors
import Testing

@Suite struct ShapeInferenceTests {
  static func convolution(
    channels: Int = 8, kernel: Int = 3, stride: Int = 1, padding: Int = 1, groups: Int = 1
  ) -> Operation {
    .convolution(
      channels: channels, kernel: kernel, stride: stride, padding: padding, groups: groups,
      bias: false)
  }

  @Test(
    arguments: [
      (convolution(), [[7, 9, 3]], [7, 9, 8]),
      (convolution(kernel: 3, stride: 2), [[7, 10, 3]], [4, 5, 8]),
      (convolution(kernel: 1, padding: 0), [[7, 9, 3]], [7, 9, 8]),
      (convolution(channels: 6, groups: 3), [[5, 5, 3]], [5, 5, 6]),
      (.batchNorm(epsilon: 1e-3, momentum: 0.1), [[5]], [5]),
      (.activation(.relu6), [[5, 4, 3]], [5, 4, 3]),
      (.sigmoid, [[5, 4, 3]], [5, 4, 3]),
      (.add, [[5, 4, 3], [5, 4, 3]], [5, 4, 3]),
      (.multiply, [[5], [5]], [5]),
      (.concat, [[5, 4, 3], [5, 4, 1], [5, 4, 2]], [5, 4, 6]),
      (.slice(from: 2, count: 3), [[5, 4, 5]], [5, 4, 3]),
      (.upsample(factor: 2), [[5, 4, 3]], [10, 8, 3]),
      (.maxPool(kernel: 5, stride: 1, padding: 2), [[5, 4, 3]], [5, 4, 3]),
      (.maxPool(kernel: 2, stride: 2, padding: 0), [[5, 4, 3]], [2, 2, 3]),
      (.globalAveragePool, [[5, 4, 3]], [3]),
      (.linear(features: 7, bias: true), [[3]], [7]),
      (.fakeQuantize(site: 0), [[5, 4, 3]], [5, 4, 3]),
    ] as [(Operation, [[Int]], [Int])])
  func `the output's shape follows from the inputs'`(
    operation: Operation, inputs: [[Int]], output: [Int]
  ) throws {
    #expect(try operation.outputShape(for: inputs.map(Shape.init)) == Shape(output))
  }

  @Test(
    arguments: [
      (convolution(), [[3]], "[H, W, C]"),
      (convolution(), [[3, 3, 1], [3, 3, 1]], "one [H, W, C]"),
      (convolution(kernel: 5, padding: 0), [[4, 9, 3]], "smaller than the kernel 5"),
      (convolution(channels: 8, groups: 3), [[4, 4, 3]], "divisible by 3 groups"),
      (convolution(channels: 9, groups: 3), [[4, 4, 4]], "divisible by 3 groups"),
      (convolution(stride: 0), [[4, 4, 3]], "must be 1 to"),
      (convolution(padding: -1), [[4, 4, 3]], "must be 1 to"),
      (convolution(kernel: .max), [[4, 4, 3]], "must be 1 to"),
      (.maxPool(kernel: 3, stride: 1, padding: 2), [[4, 4, 3]], "half the kernel"),
      (.maxPool(kernel: 5, stride: 1, padding: 0), [[4, 4, 3]], "smaller than the kernel 5"),
      (.add, [[4, 4, 3], [4, 4, 4]], "same shape"),
      (.add, [[4, 4, 3]], "expected two"),
      (.multiply, [[4, 4, 3], [4, 4, 1]], "same shape"),
      (.sigmoid, [[4, 4, 3], [4, 4, 3]], "one input"),
      (.concat, [], "each"),
      (.concat, [[4, 4, 3], [4, 5, 3]], "must be equal"),
      (.slice(from: 2, count: 2), [[4, 4, 3]], "not all there"),
      (.slice(from: .max, count: .max), [[4, 4, 3]], "not all there"),
      (.slice(from: -1, count: 2), [[4, 4, 3]], "not all there"),
      (.upsample(factor: 0), [[4, 4, 3]], "must be positive"),
      (.upsample(factor: .max), [[4, 4, 3]], "must be positive"),
      (.globalAveragePool, [[3]], "[H, W, C]"),
      (.linear(features: 2, bias: true), [[4, 4, 3]], "one [C]"),
      (.linear(features: 0, bias: true), [[4]], "must be positive"),
      (.batchNorm(epsilon: 1, momentum: 1), [[]], "extents of 1 to"),
      (.activation(.silu), [[0, 4, 4]], "extents of 1 to"),
      (.activation(.silu), [], "expected one input"),
    ] as [(Operation, [[Int]], String)])
  func `shapes that do not fit are refused with the reason`(
    operation: Operation, inputs: [[Int]], reason: String
  ) {
    let error = #expect(throws: ShapeMismatch.self) {
      try operation.outputShape(for: inputs.map(Shape.init))
    }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    #expect(error?.description.hasPrefix(operation.name) == true)
  }

  @Test func `parameters are declared with shape and role, in order`() {
    let grouped = Operation.convolution(
      channels: 6, kernel: 3, stride: 1, padding: 1, groups: 2, bias: true)
    let c = grouped.parameters(for: [[5, 5, 4]])
    #expect(c.map(\.suffix) == ["weight", "bias"])
    #expect(c.map(\.shape) == [[6, 2, 3, 3], [6]])
    #expect(c.map(\.role) == [.weight, .bias])
    let n = Operation.batchNorm(epsilon: 1, momentum: 1).parameters(for: [[5, 5, 4]])
    #expect(n.map(\.suffix) == ["weight", "bias", "running_mean", "running_var"])
    #expect(n.allSatisfy { $0.shape == [4] })
    #expect(n.map(\.role) == [.scale, .shift, .runningMean, .runningVariance])
    let l = Operation.linear(features: 3, bias: false).parameters(for: [[4]])
    #expect(l.map(\.shape) == [[3, 4]])
  }
}
