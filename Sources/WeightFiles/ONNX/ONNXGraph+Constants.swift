import Tensors

/// Numbers with extents, as operations on constants give them.
struct ConstantArray {
  var shape: [Int]
  var values: [Float]
}

extension ONNXGraph {
  /// Operations that pass a constant on, changed in its form or its scale alone.
  private static let passing: Set<String> = [
    "Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose",
    "QuantizeLinear", "DequantizeLinear",
  ]

  /// Nodes that lead from a constant to `value`, the last one first, and the constant's name; `nil` where
  /// no constant is behind it.
  func origin(of value: String) -> (name: String, path: [Int])? {
    var (name, path) = (value, [Int]())
    // No exporter puts more than a handful between a weight and its convolution.
    while path.count < 16 {
      if constants[name] != nil { return (name, path) }
      guard let maker = makers[name], Self.passing.contains(nodes[maker].type),
        let input = nodes[maker].input(0)
      else { return nil }
      path.append(maker)
      name = input
    }
    return nil
  }

  /// The numbers of a value that comes from constants alone; `nil` where it does not.
  func constant(_ value: String, _ bytes: Bytes) throws(WeightFileError) -> ConstantArray? {
    guard let (name, path) = origin(of: value), let tensor = constants[name] else { return nil }
    var array = ConstantArray(shape: tensor.shape, values: try tensor.values())
    for index in path.reversed() {
      guard let next = try apply(nodes[index], to: array, bytes) else { return nil }
      array = next
    }
    return array
  }

  private func apply(
    _ node: ONNXNode, to array: ConstantArray, _ bytes: Bytes
  ) throws(WeightFileError) -> ConstantArray? {
    var array = array
    switch node.type {
    case "Identity", "Cast": break
    case "DequantizeLinear", "QuantizeLinear":
      guard let scales = try plain(node.input(1)) else { return nil }
      let zeros = try plain(node.input(2)) ?? [0]
      let steps = QuantizedSteps(scales: scales, zeros: zeros, axis: node.integer("axis", 1))
      if node.type == "DequantizeLinear" {
        try steps.dequantize(&array, bytes)
      } else {
        let type = node.input(2).flatMap { constants[$0]?.type } ?? .uint8
        try steps.quantize(&array, to: type, bytes)
      }
    case "Transpose":
      let rank = array.shape.count
      let axes = node.integers["perm"] ?? Array((0..<rank).reversed())
      guard axes.sorted() == Array(0..<rank) else {
        throw bytes.damaged("a Transpose by \(axes) of \(array.shape)", expected: "a permutation")
      }
      let tensor = Tensor(array.values, shape: Shape(array.shape)).transposed(axes)
      array = ConstantArray(shape: tensor.shape.extents, values: tensor.values())
    case "Reshape":
      guard let wanted = try plain(node.input(1)),
        let shape = Self.reshaped(array.shape, to: wanted.map { Int(exactly: $0) ?? -2 })
      else { return nil }
      array.shape = shape
    case "Flatten", "Squeeze", "Unsqueeze":
      // Only biases come this way, and of them the count matters.
      array.shape = [array.values.count]
    default: return nil
    }
    return array
  }

  /// The numbers of a constant itself, at most a few thousand: a scale, a shape.
  private func plain(_ name: String?) throws(WeightFileError) -> [Float]? {
    guard let name, let tensor = constants[name], tensor.elementCount <= 1 << 16 else { return nil }
    return try tensor.values()
  }

  private static func reshaped(_ shape: [Int], to wanted: [Int]) -> [Int]? {
    guard wanted.count <= 64 else { return nil }
    var result = wanted
    for (axis, extent) in wanted.enumerated() where extent == 0 && axis < shape.count {
      result[axis] = shape[axis]
    }
    let count = Shape(shape).elementCount
    let known = result.filter { $0 != -1 }
    // Nothing that is empty can be a weight.
    guard known.allSatisfy({ $0 > 0 }), let product = Shape(known).checkedElementCount else {
      return nil
    }
    if known.count == result.count { return product == count ? result : nil }
    guard known.count == result.count - 1, count % product == 0 else { return nil }
    return result.map { $0 == -1 ? count / product : $0 }
  }
}

/// `x = (q - z) · s`, for a whole tensor or for each index of one axis.
struct QuantizedSteps {
  let scales: [Float]
  let zeros: [Float]
  let axis: Int

  private func each(
    _ array: inout ConstantArray, _ bytes: Bytes, _ body: (Float, Float, Float) -> Float
  ) throws(WeightFileError) {
    guard scales.count > 1 || zeros.count > 1 else {
      let (scale, zero) = (scales.first ?? 1, zeros.first ?? 0)
      for index in array.values.indices {
        array.values[index] = body(array.values[index], scale, zero)
      }
      return
    }
    let axis = axis < 0 ? axis + array.shape.count : axis
    let count = max(scales.count, zeros.count)
    guard array.shape.indices.contains(axis), array.shape[axis] == count,
      scales.count == count || scales.count == 1, zeros.count == count || zeros.count == 1
    else {
      throw bytes.damaged(
        "\(scales.count) scales and \(zeros.count) zero points along axis \(axis) of \(array.shape)",
        expected: "one for all, or one for each")
    }
    let inner = Shape(Array(array.shape[(axis + 1)...])).elementCount
    guard inner > 0 else { return }
    for index in array.values.indices {
      let place = index / inner % count
      array.values[index] = body(
        array.values[index], scales.count == 1 ? scales[0] : scales[place],
        zeros.count == 1 ? zeros[0] : zeros[place])
    }
  }

  func dequantize(_ array: inout ConstantArray, _ bytes: Bytes) throws(WeightFileError) {
    try each(&array, bytes) { ($0 - $2) * $1 }
  }

  func quantize(
    _ array: inout ConstantArray, to type: ElementType, _ bytes: Bytes
  ) throws(WeightFileError) {
    let range: ClosedRange<Float>
    switch type {
    case .int8: range = -128...127
    case .int16: range = -32768...32767
    case .uint16: range = 0...65535
    default: range = 0...255
    }
    try each(&array, bytes) { value, scale, zero in
      let step = (value / scale).rounded(.toNearestOrEven) + zero
      return min(max(step, range.lowerBound), range.upperBound)
    }
  }
}
