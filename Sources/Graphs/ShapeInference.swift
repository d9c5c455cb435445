public import Tensors

extension Operation {
  /// No extent, kernel, stride or channel count is larger, so that no arithmetic on shapes overflows.
  static let largestExtent = 1 << 20

  /// The shape of the output for these input shapes.
  ///
  /// - Throws: the reason as a sentence, when the shapes do not fit the operation.
  public func outputShape(for inputs: [Shape]) throws(ShapeMismatch) -> Shape {
    func require(_ condition: Bool, _ expected: String) throws(ShapeMismatch) {
      if !condition {
        throw ShapeMismatch(
          reason: "\(name) of \(inputs.map(\.description).joined(separator: ", ")): \(expected)")
      }
    }
    // bounded: a constant
    func isExtent(_ number: Int) -> Bool { (1...Self.largestExtent).contains(number) }
    try require(
      inputs.allSatisfy { ($0.rank == 1 || $0.rank == 3) && $0.extents.allSatisfy(isExtent) },
      "expected [H, W, C] or [C] with extents of 1 to \(Self.largestExtent)")
    switch self {
    case .convolution(let channels, let kernel, let stride, let padding, let groups, _):
      try require(inputs.count == 1 && inputs[0].rank == 3, "expected one [H, W, C]")
      try require(
        [kernel, stride, groups, channels].allSatisfy(isExtent)
          && (padding == 0 || isExtent(padding)),
        "kernel, stride, groups and channels must be 1 to \(Self.largestExtent)")
      try require(
        inputs[0][2] % groups == 0 && channels % groups == 0,
        "channels must be divisible by \(groups) groups")
      return try window(inputs[0], kernel, stride, padding, channels: channels, require)
    case .maxPool(let kernel, let stride, let padding):
      try require(inputs.count == 1 && inputs[0].rank == 3, "expected one [H, W, C]")
      try require(
        // bounded: the kernel was found positive just before
        isExtent(kernel) && isExtent(stride) && (0...kernel / 2).contains(padding),
        "padding may be at most half the kernel")
      return try window(inputs[0], kernel, stride, padding, channels: inputs[0][2], require)
    case .batchNorm, .activation, .sigmoid, .fakeQuantize:
      try require(inputs.count == 1, "expected one input")
      return inputs[0]
    case .add, .multiply:
      try require(inputs.count == 2 && inputs[0] == inputs[1], "expected two of the same shape")
      return inputs[0]
    case .concat:
      try require(!inputs.isEmpty && inputs.allSatisfy { $0.rank == 3 }, "expected [H, W, C] each")
      try require(
        inputs.allSatisfy { $0[0] == inputs[0][0] && $0[1] == inputs[0][1] },
        "heights and widths must be equal")
      return [inputs[0][0], inputs[0][1], inputs.reduce(0) { $0 + $1[2] }]
    case .slice(let from, let count):
      try require(inputs.count == 1 && inputs[0].rank == 3, "expected one [H, W, C]")
      try require(
        // bounded: from is 0 to that extent
        from >= 0 && from < inputs[0][2] && count > 0 && count <= inputs[0][2] - from,
        "\(count) channels from \(from) on are not all there")
      return [inputs[0][0], inputs[0][1], count]
    case .upsample(let factor):
      try require(inputs.count == 1 && inputs[0].rank == 3, "expected one [H, W, C]")
      try require(isExtent(factor), "the factor must be positive")
      // bounded: both at most 2²⁰
      return [inputs[0][0] * factor, inputs[0][1] * factor, inputs[0][2]]
    case .globalAveragePool:
      try require(inputs.count == 1 && inputs[0].rank == 3, "expected one [H, W, C]")
      return [inputs[0][2]]
    case .linear(let features, _):
      try require(inputs.count == 1 && inputs[0].rank == 1, "expected one [C]")
      try require(isExtent(features), "features must be positive")
      return [features]
    }
  }

  private func window(
    _ input: Shape, _ kernel: Int, _ stride: Int, _ padding: Int, channels: Int,
    _ require: (Bool, String) throws(ShapeMismatch) -> Void
      // bounded: extents, kernel, stride and padding are at most 2²⁰, stride 1 or more
  ) throws(ShapeMismatch) -> Shape {
    try require(
      input[0] + 2 * padding >= kernel && input[1] + 2 * padding >= kernel,
      "the picture is smaller than the kernel \(kernel)")
    return [
      (input[0] + 2 * padding - kernel) / stride + 1,
      (input[1] + 2 * padding - kernel) / stride + 1, channels,
    ]
  }

  /// The parameters it needs for these inputs: suffix of the name, shape and role, in order.
  public func parameters(for inputs: [Shape]) -> [(
    suffix: String, shape: Shape, role: Parameter.Role
  )] {
    switch self {
    case .convolution(let channels, let kernel, _, _, let groups, let bias):
      let weight: Shape = [channels, inputs[0][2] / groups, kernel, kernel]
      return [("weight", weight, .weight)] + (bias ? [("bias", [channels], .bias)] : [])
    case .linear(let features, let bias):
      return [("weight", [features, inputs[0][0]], .weight)]
        + (bias ? [("bias", [features], .bias)] : [])
    case .batchNorm:
      // bounded: shapes that fit have an extent
      let channels: Shape = [inputs[0][inputs[0].rank - 1]]
      return [
        ("weight", channels, .scale), ("bias", channels, .shift),
        ("running_mean", channels, .runningMean), ("running_var", channels, .runningVariance),
      ]
    default: return []
    }
  }
}

/// Shapes that do not fit an operation.
public struct ShapeMismatch: Error, Hashable, Sendable, CustomStringConvertible {
  public var reason: String
  public var description: String { reason }

  public init(reason: String) { self.reason = reason }
}
