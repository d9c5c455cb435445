/// How the numbers of a weight or bias come about: `(value - zero) · scale · …` of constants of the file.
struct ONNXRecipe: Hashable, Sendable {
  /// A constant, or what a chain of nodes makes of one.
  var value: String
  var zero: String?
  /// Each one number, or one for each output channel.
  var scales: [String] = []
  var shape: [Int]
  /// How the numbers are stored.
  var type: String
  /// Whether integers are made float.
  var isDequantized: Bool
  /// The constant it begins with.
  var origin: String
}

extension ONNXGraph {
  /// The numbers a recipe asks for, along its shape.
  func values(of recipe: ONNXRecipe, _ bytes: Bytes) throws(WeightFileError) -> [Float] {
    func missing(_ name: String) -> WeightFileError {
      bytes.unsupported(
        "the value \(quoted(name)) is computed, not stored", "export with constants folded")
    }
    guard var array = try constant(recipe.value, bytes) else { throw missing(recipe.value) }
    array.shape = recipe.shape
    guard array.values.count == recipe.shape.reduce(1, { $0 &* $1 }) else {
      throw bytes.damaged(
        "the value \(quoted(recipe.value)) has \(array.values.count) numbers",
        expected: "\(recipe.shape)")
    }
    if let name = recipe.zero {
      guard let zeros = try constant(name, bytes)?.values, !zeros.isEmpty else {
        throw missing(name)
      }
      try QuantizedSteps(scales: [1], zeros: zeros, axis: 0).dequantize(&array, bytes)
    }
    for name in recipe.scales {
      guard let scales = try constant(name, bytes)?.values, !scales.isEmpty else {
        throw missing(name)
      }
      try QuantizedSteps(scales: scales, zeros: [0], axis: 0).dequantize(&array, bytes)
    }
    return array.values
  }

  /// The recipe for a value that constants make, with as much of its shape as is known without reading.
  func recipe(_ value: String, zero: String? = nil, scales: [String] = []) -> ONNXRecipe? {
    guard let (name, path) = origin(of: value), let tensor = constants[name] else { return nil }
    var shape = tensor.shape
    var isDequantized = !scales.isEmpty
    for index in path.reversed() {
      let node = nodes[index]
      switch node.type {
      case "Transpose":
        let axes = node.integers["perm"] ?? Array(shape.indices.reversed())
        guard axes.sorted() == Array(shape.indices) else { return nil }
        shape = axes.map { shape[$0] }
      case "Reshape", "Flatten", "Squeeze", "Unsqueeze": shape = [tensor.elementCount]
      case "DequantizeLinear": isDequantized = true
      default: break
      }
    }
    return ONNXRecipe(
      value: value, zero: zero, scales: scales, shape: shape,
      type: tensor.type?.rawValue ?? "type \(tensor.typeNumber)", isDequantized: isDequantized,
      origin: name)
  }
}
