import Tensors

/// An ONNX model: its constants by name, and its convolutions in order of execution.
///
/// Integer weights are made float again, per tensor or per channel: behind `DequantizeLinear` (and
/// `QuantizeLinear`, where weights are stored as float), in `QLinearConv` and in `ConvInteger`. They are listed under the
/// name they had before (`x.weight_quantized` as `x.weight`); their integers, scales and zero points are not.
struct ONNXFile: WeightSource {
  let facts: WeightFacts
  let tensors: [WeightEntry]
  let convolutions: [WeightConvolution]
  private let bytes: Bytes
  private let graph: ONNXGraph
  private let recipes: [String: ONNXRecipe]

  var format: WeightFormat { .onnx }

  /// Whether the bytes begin with fields of a model: its version, its producer, its graph, ….
  static func isBegun(by bytes: Bytes) -> Bool {
    var reader = ProtobufReader(bytes, of: "the model")
    guard let first = try? reader.next() else { return false }
    switch (first.number, first.value) {
    case (1, .varint(let version)): return version < 1000
    case (2, .bytes), (3, .bytes), (4, .bytes), (7, .bytes), (8, .bytes), (14, .bytes): return true
    default: return false
    }
  }

  init(_ bytes: Bytes) throws(WeightFileError) {
    let graph = try ONNXGraph(bytes)
    let found = try ONNXConvolutions(graph, bytes)
    var recipes: [String: ONNXRecipe] = [:]
    for name in graph.constants.keys where !found.consumed.contains(name) {
      if let tensor = graph.constants[name], var recipe = graph.recipe(name) {
        recipe.shape = tensor.shape
        recipes[name] = recipe
      }
    }
    var names = ConvolutionNames(recipes: recipes)
    convolutions = found.found.map { convolution in
      let node = graph.nodes[convolution.node]
      let weight = names.name(
        for: convolution.weight, otherwise: (node.outputs.first ?? "") + ".weight")
      let bias = convolution.bias.map {
        names.name(for: $0, otherwise: (node.outputs.first ?? "") + ".bias")
      }
      let strides = node.integers["strides"] ?? [1, 1]
      return WeightConvolution(
        name: node.name.isEmpty ? node.outputs.first ?? "" : node.name, weight: weight, bias: bias,
        shape: convolution.weight.shape, groups: node.integer("group", 1),
        strides: strides.count == 2 ? strides : [1, 1], inputs: convolution.inputs)
    }
    tensors = names.recipes.map { name, recipe in
      WeightEntry(name: name, type: recipe.type, shape: recipe.shape)
    }.sorted { $0.name < $1.name }
    var facts = WeightFacts(metadata: graph.metadata.mapValues(Literal.text), tensors: tensors)
    facts.producer = graph.producer
    facts.isDequantized = found.found.contains { $0.weight.isDequantized }
    self.facts = facts
    self.bytes = bytes
    self.graph = graph
    self.recipes = names.recipes
  }

  func read(_ name: String) throws(WeightFileError) -> Tensor {
    guard let recipe = recipes[name] else { throw .noTensor(file: bytes.path, name: name) }
    return Tensor(try graph.values(of: recipe, bytes), shape: Shape(recipe.shape))
  }
}

/// Gives every weight and bias of a convolution a name that no other tensor has.
private struct ConvolutionNames {
  private(set) var recipes: [String: ONNXRecipe]

  init(recipes: [String: ONNXRecipe]) { self.recipes = recipes }

  /// The name of what a recipe makes: the constant's own, without what quantizing appends to it.
  mutating func name(for recipe: ONNXRecipe, otherwise: String) -> String {
    var wish = recipe.origin
    if recipe.isDequantized {
      for suffix in ["_quantized", ".quantized", "_q", "_int8"] where wish.hasSuffix(suffix) {
        wish = String(wish.dropLast(suffix.count))
        break
      }
    }
    if wish.isEmpty { wish = otherwise }
    var name = wish
    var number = 1
    while let other = recipes[name], other != recipe {
      // The same constant under another shape: a bias that is reshaped before it is added.
      if !recipe.isDequantized, other.origin == recipe.origin, other.scales.isEmpty {
        break
      }
      number += 1
      name = "\(wish)#\(number)"
    }
    recipes[name] = recipe
    return name
  }
}
